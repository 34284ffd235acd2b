/** Jest's globalSetup. Imported late: Jest would else compile what it loads, and `import.meta` is not what it is then. */
export default async () => {
  const { openShared } = await import('./shared.ts');
  await openShared();
};
