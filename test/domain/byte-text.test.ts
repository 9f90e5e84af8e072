import { expect, test } from '@jest/globals';
import { byteText } from '../../src/domain/byte-text.js';

test('sizes are told in decimal units by what matters', () => {
  expect([0, 999, 1500, 41e9].map(byteText)).toStrictEqual([
    '0 bytes',
    '999 bytes',
    '1.5 kB',
    '41 GB',
  ]);
});
