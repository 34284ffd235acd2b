/** What a hash costs to check, in units of one of our own, unless the server is set otherwise: bcrypt's 12 is 7. */
export const importedCostMaxDefault = 8;
/** bcrypt's 14 is 28, and argon2id of 128 MiB and ten passes 34. */
export const importedCostMaxMax = 34;

/** A thread takes as much memory as the hash that it checks: 19 MiB where it is one of our own. */
export const passwordThreadsMax = 64;
