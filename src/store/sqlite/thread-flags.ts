/** Flags of Node for threads that open a database: some versions say for each of them that node:sqlite is experimental. */
export const execArgv: string[] = ['--disable-warning=ExperimentalWarning'];
