// @ts-check

/** Jest's hook after all tests; it runs in the process of the set-up. */
export default async function globalTeardown() {
  await Reflect.get(globalThis, 'preparedTestDatabases')?.stop();
}
