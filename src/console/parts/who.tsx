import { useLoad } from '../state/load.ts';
import { loadPeople } from '../state/people.ts';

/** Who did something, by name where the caller may read them, else as the record has it. */
export function Who({ id }: { readonly id: string }) {
  const { value } = useLoad(`who ${id}`, (signal) => loadPeople([id], signal));
  return <bdi>{value?.get(id)?.name || id}</bdi>;
}
