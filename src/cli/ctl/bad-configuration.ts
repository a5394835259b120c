// A configuration file that was named, or a command line, cannot be used: nothing is tried then.

export class BadConfiguration extends Error {}
