import { systemErrorCode, type AppError } from '../../errors.js';

/** What a person does about a connection that fails, by the code of the system or of TLS. */
const REMEDIES: readonly (readonly [codes: RegExp, what: string, remedy: string])[] = [
  [
    /^(ENOTFOUND|EAI_[A-Z]+)$/,
    'its host name is not known',
    'Check the host in its url, and the name servers of this machine (getent hosts NAME).',
  ],
  [
    /^ECONNREFUSED$/,
    'nothing listens there',
    'Check host and port in its url, and that the web server of NEMO runs.',
  ],
  [
    /^(UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|CERT_UNTRUSTED|INVALID_CA)/,
    'its certificate is of an authority that is not known here',
    "Name the file with your facility's CA certificates (PEM) in NODE_EXTRA_CA_CERTS in the environment of recordsmith, and " +
      'have the web server of NEMO send the certificates in between.',
  ],
  [
    /^(CERT_HAS_EXPIRED|CERT_NOT_YET_VALID)$/,
    'its certificate does not hold today',
    'Renew the certificate of NEMO; check the clock of this machine.',
  ],
  [
    /^(ERR_TLS_CERT_ALTNAME_INVALID|HOSTNAME_MISMATCH)$/,
    'its certificate is for another host name',
    'Write the host that the certificate names in its url.',
  ],
  [
    /^(ERR_SSL_|EPROTO|ERR_TLS_)/,
    'it speaks no TLS there',
    'Check http:// or https:// and the port in its url.',
  ],
  [
    /^(ETIMEDOUT|UND_ERR_CONNECT_TIMEOUT|EHOSTUNREACH|ENETUNREACH|EHOSTDOWN)$/,
    'there is no way to it',
    'Check firewall, network and proxy between this machine and NEMO.',
  ],
  [
    /^(ECONNRESET|UND_ERR_SOCKET|EPIPE)$/,
    'it ends the connection without an answer',
    'Check the web server of NEMO and what stands in front of it.',
  ],
];

/** The codes of an error and what caused it, the outermost first. */
function codesOf(error: Error): readonly string[] {
  const codes: string[] = [];
  let at: unknown = error.cause;
  for (let level = 0; typeof at === 'object' && at !== null && level < 5; level += 1) {
    const code = systemErrorCode(at);
    if (code !== undefined) codes.push(code);
    at = 'cause' in at ? at.cause : undefined;
  }
  return codes;
}

/** Why a source cannot be reached and what to do about it, as exactly as the error tells. */
export function whyNotReached(error: AppError): {
  readonly message: string;
  readonly remedy: string | null;
} {
  for (const code of codesOf(error)) {
    const known = REMEDIES.find(([codes]) => codes.test(code));
    if (known === undefined) continue;
    const [, what, remedy] = known;
    return { message: `${error.message.replace(/\.$/, '')}: ${what} (${code})`, remedy };
  }
  const isSlow = /within|too long/.test(error.message) && error.code === 'SOURCE_UNAVAILABLE';
  return {
    message: error.message,
    remedy: isSlow
      ? 'Check that NEMO is not overloaded, and firewall and proxy between this machine and NEMO.'
      : (error.remedy ?? null),
  };
}
