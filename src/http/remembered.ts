/** A value that is found out again only when it is older than `keepMs`; who asks meanwhile shares one answer. */
export class Remembered<Value> {
  readonly #find: () => Promise<Value>;
  readonly #keepMs: number;
  #finding: Promise<Value> | null = null;
  /** By performance.now(); null: there is none. */
  #foundAtMs: number | null = null;

  constructor(find: () => Promise<Value>, keepMs: number) {
    this.#find = find;
    this.#keepMs = keepMs;
  }

  /** The value. Rejects as its finding does; then the next who asks tries again. */
  value(): Promise<Value> {
    const isFresh = this.#foundAtMs === null || performance.now() - this.#foundAtMs < this.#keepMs;
    if (this.#finding !== null && isFresh) return this.#finding;
    this.#foundAtMs = null;
    const finding = this.#find();
    this.#finding = finding;
    finding.then(
      () => {
        this.#foundAtMs = performance.now();
      },
      () => {
        if (this.#finding === finding) this.#finding = null;
      },
    );
    return finding;
  }
}
