// Whether these tests run as root. Some need files of another user, which only root can make: without it they are skipped, aloud.
export const isRoot = process.getuid?.() === 0;

/** A user that is neither root nor anybody in particular. */
export const STRANGER = 65_534;

if (!isRoot) console.warn('\n*** not root: tests with files of another user are SKIPPED ***\n');
