// The version, as -v and the Server field tell it. A test holds it equal to package.json.
export const VERSION = '0.1.0';
