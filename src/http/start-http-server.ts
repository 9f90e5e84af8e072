import type { HttpEnvironment } from './http-environment.js';
import { healthRoutes } from './health-routes.js';
import { DEFAULT_TIME_LIMITS, type HttpSettings, type HttpTimeLimits } from './http-settings.js';
import { Listener, type ListenPlace } from './listener.js';
import { metricsRoutes } from './metrics-routes.js';
import type { Figures } from './figures.js';
import type { Metrics } from './metrics.js';
import { openSite, type Site } from './open-site.js';
import type { Readiness } from './readiness.js';
import type { RoutePlugin } from './route-plugin.js';
import { readTlsFiles } from './tls-files.js';

/** What the HTTP interface is made from. */
export interface HttpServerOptions {
  readonly environment: HttpEnvironment;
  readonly settings: HttpSettings;
  /** Besides those of health and metrics. */
  readonly routes: readonly RoutePlugin[];
  readonly readiness: Readiness;
  readonly metrics: Metrics;
  readonly figures: Figures;
  /** Of recordsmith. */
  readonly version: string;
  readonly timeLimits?: Partial<HttpTimeLimits>;
}

/** The HTTP interface at work. */
export interface HttpServer {
  /** `http://127.0.0.1:8470/recordsmith` */
  readonly address: string;
  /**
   * A server by other options in the place of this one, which answers nothing new from then on and is still to be stopped.
   * Where host and port stay, no connection is refused meanwhile.
   * @throws AppError as startHttpServer; then this one goes on as before.
   */
  replaceBy(options: HttpServerOptions): Promise<HttpServer>;
  /** Takes nothing new, waits until requests under way are answered, at the latest until the signal, and ends. */
  stop(signal: AbortSignal): Promise<void>;
}

async function placeOf({ host, port, tls }: HttpSettings): Promise<ListenPlace> {
  return { host, port, tls: tls === null ? null : await readTlsFiles(tls) };
}

function siteOf(options: HttpServerOptions): Promise<Site> {
  const { environment, settings, routes, readiness, metrics, figures, version } = options;
  return openSite({
    environment,
    settings,
    version,
    routes: [healthRoutes(readiness), metricsRoutes(metrics, figures), ...routes],
  });
}

function listenerOf(place: ListenPlace, { timeLimits }: HttpServerOptions, site: Site): Listener {
  return new Listener(place, { ...DEFAULT_TIME_LIMITS, ...timeLimits }, site.handle);
}

class RunningServer implements HttpServer {
  readonly address: string;
  readonly #site: Site;
  /** Null: it serves another server by now. */
  #listener: Listener | null;

  constructor(listener: Listener, site: Site, { settings }: HttpServerOptions) {
    this.#listener = listener;
    this.#site = site;
    this.address = `${listener.origin}${settings.basePath}`;
  }

  async replaceBy(options: HttpServerOptions): Promise<HttpServer> {
    const place = await placeOf(options.settings);
    const site = await siteOf(options);
    const old = this.#listener;
    if (old?.fits(place) === true) {
      old.serve(site.handle, place.tls);
      this.#listener = null;
      return new RunningServer(old, site, options);
    }
    const listener = listenerOf(place, options, site);
    const isInTheWay = old?.isInTheWayOf(place) === true;
    if (isInTheWay) old.pause();
    try {
      await listener.open();
    } catch (error) {
      if (isInTheWay) await old.open();
      await site.close(AbortSignal.abort());
      throw error;
    }
    return new RunningServer(listener, site, options);
  }

  async stop(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#listener?.stop(signal), this.#site.close(signal)]);
  }
}

/**
 * Starts the HTTP interface; it listens when this resolves.
 * @throws AppError LISTEN_FAILED naming host and port; CONFIG_INVALID when certificate or key cannot be used.
 */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const [place, site] = await Promise.all([placeOf(options.settings), siteOf(options)]);
  const listener = listenerOf(place, options, site);
  try {
    await listener.open();
  } catch (error) {
    await site.close(AbortSignal.abort());
    throw error;
  }
  return new RunningServer(listener, site, options);
}
