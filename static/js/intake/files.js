/** The songs among the files and folders that a visitor drops. */

/**
 * @typedef {{file: File, path: string}} Chosen path: in the folder that was dropped, or the name
 * @typedef {{files: Chosen[], leftOut: number}} Found leftOut: number of files that are no audio
 */

const AUDIO_NAME = /\.(mp3|mp2|m4a|m4b|mp4|aac|flac|ogg|oga|opus|wav|wave|weba|webm|aif|aiff|wma|mka|3gp|amr)$/i;

/** @param {File} file */
export const looksLikeAudio = (file) =>
  file.type.startsWith('audio/') || file.type.startsWith('video/') || AUDIO_NAME.test(file.name);

/** @param {FileSystemFileEntry} entry @returns {Promise<File | null>} null when it is unreadable */
const entryFile = (entry) => new Promise((resolve) => {
  entry.file(resolve, () => resolve(null));
});

/** @param {FileSystemDirectoryEntry} folder @returns {Promise<FileSystemEntry[]>} */
async function folderEntries(folder) {
  const reader = folder.createReader();
  const all = [];
  for (;;) {
    // readEntries gives at most 100 at a time, then an empty list.
    /** @type {FileSystemEntry[]} */
    const some = await new Promise((resolve) => {
      reader.readEntries(resolve, () => resolve([]));
    });
    if (!some.length) return all;
    all.push(...some);
  }
}

/** @param {FileSystemEntry} entry @returns {entry is FileSystemDirectoryEntry} */
const isFolder = (entry) => entry.isDirectory;

/** @param {FileSystemEntry} entry @returns {entry is FileSystemFileEntry} */
const isFile = (entry) => entry.isFile;

/**
 * Add the songs of a folder, or a single one, to those that were found.
 * @param {FileSystemEntry} entry
 * @param {Found} found
 */
async function collect(entry, found) {
  if (isFolder(entry)) {
    const entries = await folderEntries(entry);
    entries.sort((a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }));
    for (const inner of entries) await collect(inner, found);
    return;
  }
  const file = isFile(entry) ? await entryFile(entry) : null;
  // fullPath is a slash, the folder that was dropped, and the way down from there.
  if (file && looksLikeAudio(file)) found.files.push({ file, path: entry.fullPath.slice(1) });
  else found.leftOut += 1;
}

/**
 * Files of a drop. A file that is dropped by itself is always taken, so that its visitor gets an
 * answer; covers, playlists and the like are left out of folders.
 * @param {DataTransfer} transfer
 * @returns {Promise<Found>}
 */
export async function droppedFiles(transfer) {
  /** @type {Found} */
  const found = { files: [], leftOut: 0 };
  // Everything must be taken from the transfer before the first await empties it.
  const items = [...transfer.items]
    .filter((item) => item.kind === 'file')
    .map((item) => ({ entry: item.webkitGetAsEntry?.() ?? null, file: item.getAsFile() }));
  for (const { entry, file } of items) {
    if (entry && isFolder(entry)) await collect(entry, found);
    else if (file) found.files.push({ file, path: file.name });
  }
  return found;
}
