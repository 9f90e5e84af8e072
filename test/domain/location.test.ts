import { describe, expect, test } from '@jest/globals';
import { decodeLocation, displayName, encodeLocation } from '../../src/domain/location.js';

describe('a location', () => {
  test('keeps every byte a file name can hold', () => {
    const bytes = Buffer.from(Array.from({ length: 255 }, (_, index) => index + 1));
    expect(decodeLocation(encodeLocation(bytes)).equals(bytes)).toBe(true);
  });

  test('leaves letters, digits and _.-~/ as they are and encodes all else as upper-case hex', () => {
    expect(encodeLocation('/a Z-9_.~/é!')).toBe('/a%20Z-9_.~/%C3%A9%21');
  });

  test('shows a Latin-1 name percent-encoded and a UTF-8 name as text', () => {
    expect(displayName(Buffer.from('prüfung.dm3', 'latin1'))).toBe('pr%FCfung.dm3');
    expect(displayName(Buffer.from('prüfung.dm3', 'utf8'))).toBe('prüfung.dm3');
  });
});
