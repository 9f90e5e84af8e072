/** Where the value of a key comes from. */
export type ConfigOrigin =
  | { readonly kind: 'default' }
  /** Line from 1. */
  | { readonly kind: 'file'; readonly file: string; readonly line: number }
  | { readonly kind: 'environment'; readonly variable: string }
  /** The content of a file that a variable `*_FILE` names, or of systemd's credentials folder. */
  | { readonly kind: 'secret file'; readonly variable: string; readonly file: string }
  | { readonly kind: 'option'; readonly flag: string }
  /** The settings of an instrument. */
  | { readonly kind: 'instrument' };

/** Origins by key with dots; keys that are not there have their default. */
export type ConfigOrigins = ReadonlyMap<string, ConfigOrigin>;

/** The origin in words: `/etc/recordsmith/recordsmith.yaml:12`, `RECORDSMITH_MODE`, `default`. */
export function describeOrigin(origin: ConfigOrigin): string {
  switch (origin.kind) {
    case 'default':
    case 'instrument':
      return origin.kind;
    case 'file':
      return `${origin.file}:${origin.line}`;
    case 'environment':
      return origin.variable;
    case 'secret file':
      return `${origin.variable} (${origin.file})`;
    case 'option':
      return origin.flag;
  }
}

/** The origin of the value of a key; a group that stands somewhere says nothing of the keys that it leaves out. */
export function originOf(origins: ConfigOrigins, path: readonly PropertyKey[]): ConfigOrigin {
  return origins.get(keyOf(path)) ?? { kind: 'default' };
}

/** Where to look for a key, also one that is missing: its own place, else that of the nearest group or list around it. */
export function placeOf(origins: ConfigOrigins, path: readonly PropertyKey[]): ConfigOrigin {
  for (let length = path.length; length > 0; length -= 1) {
    const origin = origins.get(keyOf(path.slice(0, length)));
    if (origin !== undefined) return origin;
  }
  return { kind: 'default' };
}

/** The path as it is written for people: `rules[0].match.user`. */
export function keyOf(path: readonly PropertyKey[]): string {
  let key = '';
  for (const step of path) {
    if (typeof step === 'number') key += `[${step}]`;
    else key += key === '' ? String(step) : `.${String(step)}`;
  }
  return key;
}
