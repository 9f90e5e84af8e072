import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import { AppError } from '../errors.js';
import type { HttpSettings } from './http-settings.js';

/** Certificate chain and private key, PEM. */
export interface TlsTexts {
  readonly cert: string;
  readonly key: string;
}

async function readPem(key: string, path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new AppError('CONFIG_INVALID', `${key}: the file ${path} cannot be read.`, {
      cause: error,
      remedy: 'Check that it is there and that the account of the daemon may read it.',
      details: { key, path },
    });
  }
}

/** Reads what HTTPS needs. @throws AppError CONFIG_INVALID when it cannot be read or does not belong together. */
export async function readTlsFiles(files: NonNullable<HttpSettings['tls']>): Promise<TlsTexts> {
  const [cert, key] = await Promise.all([
    readPem('http.tls.certificate', files.certificate),
    readPem('http.tls.key', files.key),
  ]);
  try {
    createSecureContext({ cert, key });
  } catch (error) {
    throw new AppError('CONFIG_INVALID', 'http.tls: HTTPS cannot use this certificate and key.', {
      cause: error,
      remedy: 'Give a PEM file with the certificate first, and the private key that belongs to it.',
      details: { key: 'http.tls', certificate: files.certificate },
    });
  }
  return { cert, key };
}
