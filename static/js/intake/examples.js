/** Folders that teach own genres: a folder per genre, chosen or dropped on the panel. */

import { byId } from '../base/dom.js';
import { UserError } from '../base/errors.js';
import { integer } from '../base/format.js';
import { t, tn } from '../base/text.js';
import { filedByFolder } from '../own/names.js';
import { Song } from '../songs/song.js';
import { folderFiles } from './files.js';
import { leftOutText } from './left_out.js';

/**
 * @typedef {import('./files.js').Chosen} Chosen
 *
 * @typedef {object} Around
 * @property {import('../songs/queue.js').SongQueue} queue
 * @property {import('../own/own_genres.js').OwnGenres} own
 * @property {{ready: Promise<unknown>, keepSounds(): void}} history ready: settles when the list has
 *   all songs of an earlier page
 * @property {(message: string) => void} say tells what went wrong, or nothing
 */

/** The place of the panel, on which folders may be dropped. @param {EventTarget | null} target */
export const isOnPanel = (target) => target instanceof Element && target.closest('#own-genres') !== null;

/**
 * The genres of files by their folders. A folder may hold genres, or be one of several that are genres.
 * @param {Chosen[]} files
 * @returns {{filed: (Chosen & {genre: string, folder: string})[], beside: number}} beside: files that lie
 *   in no genre's folder
 */
export function sortByFolder(files) {
  const tops = new Set(files.map(({ path }) => path.split('/')[0]));
  const deep = tops.size === 1 && files.some(({ path }) => path.split('/').length > 2);
  const filed = files.flatMap((found) => {
    const told = filedByFolder(found.path, deep);
    return told ? [{ ...found, ...told }] : [];
  });
  return { filed, beside: files.length - filed.length };
}

/**
 * The songs of the list that files are: of the same name and size, and rather of the same path, since
 * songs of one length may have the same name in the folders of two genres.
 * @param {Chosen[]} files
 * @param {Song[]} songs
 * @returns {(Song | null)[]} of each file; null for one that is new. No song is that of two files
 */
export function listedSongs(files, songs) {
  const left = new Set(songs.filter(({ part }) => !part));
  /** @type {Map<Chosen, Song>} */
  const found = new Map();
  for (const samePath of [true, false]) {
    for (const chosen of files) {
      const { file, path } = chosen;
      const song = found.has(chosen) ? null : [...left].find((each) => each.fileName === file.name
        && each.size === file.size && (!samePath || each.path === path));
      if (!song) continue;
      found.set(chosen, song);
      left.delete(song);
    }
  }
  return files.map((chosen) => found.get(chosen) ?? null);
}

export class Examples {
  #around;

  /** @param {Around} around */
  constructor(around) {
    this.#around = around;
    const input = byId('examples', HTMLInputElement);
    input.addEventListener('change', async () => {
      const found = folderFiles([...input.files ?? []]);
      // So that choosing the same folder again is a change.
      input.value = '';
      await this.add(await found);
    });
  }

  /**
   * Teach by what was dropped on the panel, if it is a folder and the version can learn.
   * @param {import('./files.js').Found} found
   * @returns {Promise<boolean>} whether it was taken; otherwise it belongs in the list
   */
  async drop(found) {
    if (!this.#around.own.able || !found.inFolder) return false;
    await this.add(found);
    return true;
  }

  /**
   * Teach by the songs of a folder; those that are in the list already do not come a second time.
   * @param {import('./files.js').Found} found
   */
  async add({ files, leftOut }) {
    const { queue, own, history, say } = this.#around;
    say('');
    await history.ready;
    const { filed, beside } = sortByFolder(files);
    try {
      if (!own.able) throw new UserError(own.unableText());
      if (!filed.length) {
        throw new UserError(t('No genres in this folder: choose one that holds a folder with songs for each genre.'));
      }
      const listed = listedSongs(filed, queue.songs);
      const found = filed.map(({ file, path, genre, folder }, index) =>
        ({ song: listed[index] ?? new Song(file, path), file, genre, folder }));
      own.fileAll(found);
      for (const { song, file } of found) if (!song.file) queue.giveFile(song, file);
      queue.add(found.filter((_, index) => !listed[index]).map(({ song }) => song));
      history.keepSounds();
      say([
        beside ? tn('{n} song beside the genres’ folders is left out.', '{n} songs beside the genres’ folders are left out.', beside, { n: integer(beside) }) : '',
        leftOutText(leftOut, false),
      ].filter(Boolean).join(' '));
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      say(error.message);
    }
  }
}
