import { closeSync, mkdirSync, openSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The tree of the `find` benchmark: instrument/userNN/YYYY-MM-DD/sN with empty files. Started as a child process. */

const DAY_MS = 86_400_000;
const EXTENSIONS = ['dm3', 'dm4', 'tif', 'msa', 'txt'];
const USERS = 40;
const DAYS = 1000;

/**
 * Makes the files, as old as the day of their folder; the last day is that before `endMs`.
 * @param count files, spread evenly over 1,000 days
 * @param folders all of them: those of users and of days, and two of sessions in each of these
 */
function makeTree(root: string, count: number, folders: number, endMs: number): void {
  const dates = Math.floor((folders - USERS) / 3);
  const sessions = 2 * dates;
  let made = 0;
  for (let index = 0; index < sessions; index += 1) {
    const date = Math.floor(index / 2);
    const day = Math.floor((date * DAYS) / dates);
    const dayMs = endMs - (DAYS - day) * DAY_MS;
    const user = `user${String(date % USERS).padStart(2, '0')}`;
    const name = new Date(dayMs).toISOString().slice(0, 10);
    const folder = join(root, user, name, `s${String(index)}`);
    mkdirSync(folder, { recursive: true });
    const until = Math.floor(((index + 1) * count) / sessions);
    for (let number = 0; made < until; number += 1) {
      const extension = EXTENSIONS[number % EXTENSIONS.length] ?? '';
      const path = join(folder, `image_${String(index)}_${String(number)}.${extension}`);
      closeSync(openSync(path, 'w'));
      const seconds = dayMs / 1000 + 8 * 3600 + (number % 600) * 50;
      utimesSync(path, seconds, seconds);
      made += 1;
    }
  }
}

const [, , root, count, folders, endMs] = process.argv;
if (root !== undefined) {
  makeTree(join(root, 'instrument'), Number(count), Number(folders), Number(endMs));
  writeFileSync(join(root, 'made.json'), JSON.stringify({ endMs: Number(endMs) }));
}
