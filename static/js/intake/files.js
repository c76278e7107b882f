/** Which files the visitor chose or dropped. */

const AUDIO_NAME = /\.(mp3|mp2|m4a|m4b|mp4|aac|flac|ogg|oga|opus|wav|wave|weba|webm|aif|aiff|wma|mka|3gp|amr)$/i;

const looksLikeAudio = (file) =>
  file.type.startsWith('audio/') || file.type.startsWith('video/') || AUDIO_NAME.test(file.name);

const entryFile = (entry) => new Promise((resolve) => entry.file(resolve, () => resolve(null)));

async function folderEntries(folder) {
  const reader = folder.createReader();
  const all = [];
  for (;;) {
    // readEntries gives at most 100 at a time, then an empty list.
    const some = await new Promise((resolve) => reader.readEntries(resolve, () => resolve([])));
    if (!some.length) return all;
    all.push(...some);
  }
}

async function collect(entry, found) {
  // fullPath begins with a slash, and with the folder that was dropped.
  if (entry.isDirectory) {
    const entries = await folderEntries(entry);
    entries.sort((a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }));
    for (const inner of entries) await collect(inner, found);
    return;
  }
  const file = await entryFile(entry);
  if (file && looksLikeAudio(file)) found.files.push({ file, path: entry.fullPath.slice(1) });
  else found.leftOut += 1;
}

/**
 * Files of a drop. A file dropped by itself is always taken, so that it gets its answer; folders
 * are walked and their covers, playlists and the like left out.
 * @param {DataTransfer} transfer
 * @returns {Promise<{files: {file: File, path: string}[], leftOut: number}>} path: from the folder
 *   that was dropped, or the name
 */
export async function droppedFiles(transfer) {
  const found = { files: [], leftOut: 0 };
  // Everything must be taken from the transfer before the first await empties it.
  const items = [...transfer.items]
    .filter((item) => item.kind === 'file')
    .map((item) => ({ entry: item.webkitGetAsEntry?.() ?? null, file: item.getAsFile() }));
  for (const { entry, file } of items) {
    if (entry?.isDirectory) await collect(entry, found);
    else if (file) found.files.push({ file, path: file.name });
  }
  return found;
}
