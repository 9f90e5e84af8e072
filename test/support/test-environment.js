// @ts-check
/** Environment variables by which the set-up of the test run tells the tests of its PostgreSQL server. */
export const POSTGRES_URL = 'RECORDSMITH_TEST_POSTGRES_URL';
/** Name of the migrated database that others are copied from. */
export const POSTGRES_TEMPLATE = 'RECORDSMITH_TEST_POSTGRES_TEMPLATE';
/** Why there is no server. */
export const POSTGRES_ABSENT = 'RECORDSMITH_TEST_POSTGRES_ABSENT';
