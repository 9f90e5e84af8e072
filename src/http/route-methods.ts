/** Which methods an address takes, asked only when none fits. */
export class RouteMethods {
  readonly #routes: { readonly pattern: RegExp; readonly methods: readonly string[] }[] = [];

  /** @param url as fastify has it: `/sessions/:key/notes` */
  add(url: string, method: string | readonly string[]): void {
    this.#routes.push({
      pattern: patternOf(url),
      methods: typeof method === 'string' ? [method] : method,
    });
  }

  /** @param path without query string */
  of(path: string): string[] {
    const methods = this.#routes.flatMap((route) =>
      route.pattern.test(path) ? route.methods : [],
    );
    return [...new Set(methods)].sort();
  }
}

function patternOf(url: string): RegExp {
  const parts = url.split(/(:\w+|\*)/).map((part) => {
    if (part === '*') return '.*';
    if (part.startsWith(':')) return '[^/]+';
    return part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  });
  return new RegExp(`^${parts.join('')}$`);
}
