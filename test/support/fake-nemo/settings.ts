import type { IANAZone } from 'luxon';
import { zoneNamed } from './instants.js';

/**
 * `8.0.2` is the version the reference was observed on; `4.x` stands for 4.4: fewer fields and filters, read only,
 * no page_size.
 */
export type NemoVersion = '8.0.2' | '4.x';

/**
 * The pagination class in the site's settings: NEMO's own, the plain one of Django REST framework with its fixed page
 * size, or none.
 */
export type Paging = 'nemo' | 'plain' | 'none';

export interface SettingsOptions {
  /** @default '8.0.2' */
  readonly version?: NemoVersion;
  /** @default 'nemo', for version 4.x 'none' */
  readonly paging?: Paging;
  /** PAGE_SIZE of the site. @default 1000 */
  readonly pageSize?: number;
  /** TIME_ZONE of the site. @default 'America/New_York' */
  readonly timeZone?: string;
  /** DATETIME_FORMAT of the site, for example '%m-%d-%Y %H:%M:%S'. @default ISO 8601 */
  readonly dateTimeFormat?: string;
  /** Scheme and host in `next` and `previous`, as a site behind a proxy gets them wrong. @default the request's host */
  readonly publicOrigin?: string;
  /** ALLOW_CONDITIONAL_URLS: a public instance has no API, all of /api/ is 404. @default true */
  readonly hasApi?: boolean;
}

/** How this site is set up; a test may change the zone while the server runs. */
export interface Settings {
  readonly version: NemoVersion;
  readonly paging: Paging;
  readonly pageSize: number;
  readonly dateTimeFormat: string | null;
  readonly publicOrigin: string | null;
  readonly hasApi: boolean;
  zone: IANAZone;
}

/** The settings with their defaults. */
export function settingsOf(options: SettingsOptions): Settings {
  const version = options.version ?? '8.0.2';
  return {
    version,
    paging: options.paging ?? (version === '4.x' ? 'none' : 'nemo'),
    pageSize: options.pageSize ?? 1000,
    dateTimeFormat: options.dateTimeFormat ?? null,
    publicOrigin: options.publicOrigin ?? null,
    hasApi: options.hasApi ?? true,
    zone: zoneNamed(options.timeZone ?? 'America/New_York'),
  };
}
