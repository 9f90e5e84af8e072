/** How the HTTP interface is served: the keys of `http`. */
export interface HttpSettings {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** Before the path of every route: empty, or `/recordsmith`. */
  readonly basePath: string;
  /** Files with certificate chain and private key, PEM; null: plain HTTP. */
  readonly tls: { readonly certificate: string; readonly key: string } | null;
  /** Addresses and networks of proxies whose X-Forwarded-For is believed. */
  readonly trustedProxies: readonly string[];
  /** Bytes. */
  readonly bodyLimit: number;
  /** Of one address. */
  readonly requestsPerMinute: number;
}

/** How long a client may take. In milliseconds. */
export interface HttpTimeLimits {
  /** For the head of a request. @default 10 s */
  readonly headersMs: number;
  /** For a whole request. @default 60 s */
  readonly requestMs: number;
  /** For a connection on which nothing moves while a request is answered. @default 2 min */
  readonly idleMs: number;
  /** For a connection between two requests; longer than a proxy keeps it. @default 75 s */
  readonly keepAliveMs: number;
  /** How often these are looked at. @default 2 s */
  readonly checkMs: number;
}

export const DEFAULT_TIME_LIMITS: HttpTimeLimits = {
  headersMs: 10_000,
  requestMs: 60_000,
  idleMs: 120_000,
  keepAliveMs: 75_000,
  checkMs: 2000,
};
