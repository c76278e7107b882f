/** The songs among the files and folders that a visitor chooses or drops. */

import { countOne, hiddenReason, reasonAmongSeveral, reasonInFolder } from './left_out.js';

/**
 * @typedef {import('./left_out.js').LeftOut} LeftOut
 * @typedef {import('./left_out.js').Reason} Reason
 * @typedef {{file: File, path: string}} Chosen path: in the folder that was dropped, or the name
 * @typedef {{files: Chosen[], leftOut: LeftOut, inFolder: boolean}} Found inFolder: there was a folder
 */

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

/** @returns {Found} */
const nothing = () => ({ files: [], leftOut: {}, inFolder: false });

/**
 * Add the songs of a folder, or a single one, to those that were found.
 * @param {FileSystemEntry} entry
 * @param {Found} found
 * @param {Reason | null} hidden why all of it is left out
 */
async function collect(entry, found, hidden = null) {
  if (isFolder(entry)) {
    const entries = await folderEntries(entry);
    entries.sort((a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }));
    for (const inner of entries) await collect(inner, found, hidden ?? hiddenReason(inner.name));
    return;
  }
  const file = !hidden && isFile(entry) ? await entryFile(entry) : null;
  const reason = file ? await reasonInFolder(file) : hidden ?? 'silent';
  // fullPath is a slash, the folder that was dropped, and the way down from there.
  if (file && !reason) found.files.push({ file, path: entry.fullPath.slice(1) });
  else countOne(found.leftOut, reason ?? 'silent');
}

/**
 * The songs of a list of files. A file that comes by itself is always taken, so that its visitor gets an
 * answer.
 * @param {Iterable<File>} files
 * @returns {Promise<Found>}
 */
export async function chosenFiles(files) {
  const found = nothing();
  const all = [...files];
  for (const file of all) {
    const reason = all.length > 1 ? await reasonAmongSeveral(file) : null;
    if (reason) countOne(found.leftOut, reason);
    else found.files.push({ file, path: file.name });
  }
  return found;
}

/**
 * The songs of a folder that was chosen, by the paths that browsers give its files.
 * @param {Iterable<File>} files
 * @returns {Promise<Found>}
 */
export async function folderFiles(files) {
  const found = { ...nothing(), inFolder: true };
  for (const file of files) {
    const path = file.webkitRelativePath || file.name;
    // The folder itself may be called anything.
    const [, ...inner] = path.split('/').slice(0, -1);
    const hidden = inner.map(hiddenReason).find(Boolean);
    const reason = hidden ?? await reasonInFolder(file);
    if (reason) countOne(found.leftOut, reason);
    else found.files.push({ file, path });
  }
  return found;
}

/**
 * Files of a drop. What is dropped by itself is always taken; covers, playlists and the like are left out
 * of folders.
 * @param {DataTransfer} transfer
 * @returns {Promise<Found>}
 */
export async function droppedFiles(transfer) {
  const found = nothing();
  // Everything must be taken from the transfer before the first await empties it.
  const items = [...transfer.items]
    .filter((item) => item.kind === 'file')
    .map((item) => ({ entry: item.webkitGetAsEntry?.() ?? null, file: item.getAsFile() }));
  for (const { entry, file } of items) {
    const several = items.length > 1;
    if (entry && isFolder(entry)) {
      found.inFolder = true;
      await collect(entry, found, several ? hiddenReason(entry.name) : null);
    } else if (file) {
      const reason = several ? await reasonAmongSeveral(file) : null;
      if (reason) countOne(found.leftOut, reason);
      else found.files.push({ file, path: file.name });
    }
  }
  return found;
}
