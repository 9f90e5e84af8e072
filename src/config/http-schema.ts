import { isIP } from 'node:net';
import { z } from 'zod';
import { byteCount } from './byte-count.js';

const path = z
  .string()
  .trim()
  .min(1)
  .refine((value) => !value.includes('\0'), 'a path without U+0000')
  .meta({ path: true });

/** Whether it is an address, or a network as `10.0.0.0/8`. */
function isNetwork(value: string): boolean {
  const [address = '', bits, ...more] = value.split('/');
  const family = isIP(address);
  if (family === 0 || more.length > 0) return false;
  const most = family === 4 ? 32 : 128;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) > 0 && Number(bits) <= most);
}

/** The keys of `http`. */
export const httpSchema = z
  .strictObject({
    enabled: z.boolean().default(true),
    host: z.string().trim().min(1).default('127.0.0.1'),
    port: z.int().min(0).max(65_535).default(8470),
    base_path: z
      .string()
      .regex(/^(\/[A-Za-z0-9._~-]+)*$/, 'a path such as /recordsmith, without a slash at its end')
      .default(''),
    tls: z
      .strictObject({
        certificate: path.nullable().default(null),
        key: path.nullable().default(null),
      })
      .prefault({}),
    trusted_proxies: z
      .array(z.string().trim().refine(isNetwork, 'an address or a network such as 10.0.0.0/8'))
      .default([]),
    body_limit: byteCount.default(1_048_576),
    requests_per_minute: z.int().min(1).default(600),
  })
  .superRefine(({ tls }, context) => {
    if ((tls.certificate === null) === (tls.key === null)) return;
    const missing = tls.certificate === null ? 'certificate' : 'key';
    context.addIssue({
      code: 'custom',
      path: ['tls', missing],
      message: 'a file, since certificate and key belong together',
    });
  });
