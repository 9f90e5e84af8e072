import { distance } from 'fastest-levenshtein';

/** The candidate that a mistyped word most probably means, or null when none is near (a third of its letters). */
export function nearestName(word: string, candidates: Iterable<string>): string | null {
  let nearest: string | null = null;
  let smallest = Math.max(2, Math.ceil(word.length / 3)) + 1;
  const plainWord = plain(word);
  for (const candidate of candidates) {
    const edits = distance(plainWord, plain(candidate));
    if (edits < smallest && edits < Math.max(word.length, candidate.length)) {
      smallest = edits;
      nearest = candidate;
    }
  }
  return nearest;
}

/** Case and separators are no difference: `fileDelay-Days` is near `file_delay_days`. */
function plain(name: string): string {
  return name.replace(/[-_\s]/g, '').toLowerCase();
}
