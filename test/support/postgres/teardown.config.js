/** Jest's globalTeardown. */
export default async () => {
  const { closeShared } = await import('./shared.ts');
  await closeShared();
};
