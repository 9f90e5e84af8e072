import type { Config } from '../config/schema.js';
import { instrumentPcRoutes } from '../configured-instrument-pcs.js';
import type { NemoSourceSettings } from '../config/sources-schema.js';
import { isAppError } from '../errors.js';
import type { HttpSettings } from '../http/http-settings.js';
import type { Metrics } from '../http/metrics.js';
import type { RoutePlugin } from '../http/route-plugin.js';
import type { HttpServer, HttpServerOptions } from '../http/start-http-server.js';
import type { Application } from '../main.js';

type WebhookSettings = NonNullable<NemoSourceSettings['webhook']>;

/** What the interface of a daemon works with. */
export interface DaemonHttpOptions {
  readonly application: Application;
  readonly config: Config;
  /** Version of recordsmith. */
  readonly version: string;
  readonly metrics: Metrics;
  /** Told that messages of a source wait to be followed up. */
  readonly onHint: (source: string) => void;
}

function settingsOf({ http }: Config): HttpSettings {
  const { certificate, key } = http.tls;
  return {
    host: http.host,
    port: http.port,
    basePath: http.base_path,
    tls: certificate === null || key === null ? null : { certificate, key },
    trustedProxies: http.trusted_proxies,
    bodyLimit: http.body_limit,
    requestsPerMinute: http.requests_per_minute,
  };
}

/** The routes that the configuration asks for. */
async function routesOf(options: DaemonHttpOptions): Promise<readonly RoutePlugin[]> {
  const [{ openApiRoutes }, { requireToken }, webhooks, instrumentPcs] = await Promise.all([
    import('../http/openapi.js'),
    import('../http/authenticate.js'),
    webhookRoutes(options),
    instrumentPcRoutes(options.config),
  ]);
  const description = openApiRoutes((environment) => requireToken(environment, 'read').check);
  return [description, ...webhooks, ...instrumentPcs];
}

async function webhookRoutes({
  application,
  metrics,
  onHint,
}: DaemonHttpOptions): Promise<readonly RoutePlugin[]> {
  const pushing = application.sources.flatMap(({ name, settings, client, readTimes }) =>
    settings.webhook === null
      ? []
      : [{ name, webhook: webhookOf(settings.webhook), hasToken: client !== null, readTimes }],
  );
  if (pushing.length === 0) return [];
  const { nemoWebhookRoutes } = await import('../http/nemo-webhook-routes.js');
  const onOutcome = metrics.webhookTaken.bind(metrics);
  return [nemoWebhookRoutes(pushing, { onHint, onOutcome })];
}

function webhookOf({ scheme, secrets, tolerance_s: seconds }: WebhookSettings) {
  return { scheme, secrets, toleranceMs: seconds * 1000 };
}

async function serverOptions(options: DaemonHttpOptions): Promise<HttpServerOptions> {
  const { application, config, version, metrics } = options;
  const [{ Figures }, { readinessOf }, routes] = await Promise.all([
    import('../http/figures.js'),
    import('./readiness-of.js'),
    routesOf(options),
  ]);
  const { database, environment } = application;
  const httpEnvironment = { database, log: environment.log, clock: environment.clock };
  return {
    environment: httpEnvironment,
    settings: settingsOf(config),
    routes,
    readiness: readinessOf(application, config),
    metrics,
    figures: new Figures({
      environment: httpEnvironment,
      sources: config.sources.map(({ name }) => name),
      problemAgeMs: config.build.problem_age_hours * 3_600_000,
    }),
    version,
  };
}

/** Loads what the interface needs; asked for early, it is there when the database is open. */
export async function loadHttp(): Promise<void> {
  await Promise.all([import('../http/start-http-server.js'), import('../http/metrics.js')]);
}

/** Metrics that count from now on. */
export async function createMetrics(version: string): Promise<Metrics> {
  const { Metrics } = await import('../http/metrics.js');
  return new Metrics(version);
}

/**
 * Has the daemon serve HTTP as its configuration says.
 * @param before the server in whose place it comes; null: there is none
 * @throws AppError LISTEN_FAILED, CONFIG_INVALID; then the server before goes on.
 */
export async function serveHttp(
  options: DaemonHttpOptions,
  before: HttpServer | null,
): Promise<HttpServer> {
  const { startHttpServer } = await import('../http/start-http-server.js');
  const server = await serverOptions(options);
  const started = await (before === null ? startHttpServer(server) : before.replaceBy(server));
  options.application.environment.log.info('The HTTP interface listens.', {
    address: started.address,
  });
  return started;
}

/** Milliseconds that the program at an address may take to say what it is. */
const ANSWER_WITHIN_MS = 2000;

/**
 * Whether an error says that another recordsmith serves HTTP at our address: daemons that share the work of one machine have
 * one interface between them.
 */
export async function isServedByAnother(error: unknown, { http }: Config): Promise<boolean> {
  const isTaken =
    isAppError(error) &&
    error.code === 'LISTEN_FAILED' &&
    error.details['systemCode'] === 'EADDRINUSE';
  if (!isTaken) return false;
  const scheme = http.tls.certificate === null ? 'http' : 'https';
  const host = http.host.includes(':') ? `[${http.host}]` : http.host;
  try {
    const answer = await fetch(`${scheme}://${host}:${http.port}${http.base_path}/livez`, {
      redirect: 'error',
      signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
    });
    return answer.headers.has('x-request-id') && (await answer.text()) === 'alive\n';
  } catch {
    // Whatever it is, it is none of ours.
    return false;
  }
}
