import { useLoad } from '../state/load.ts';
import { loadPeople, nameThen } from '../state/people.ts';

interface WhoProps {
  readonly id: string;
  /** When they did what is shown, in milliseconds since 1970; undefined: just now. */
  readonly atMs?: number | undefined;
}

/** Who did something, by name where the caller may read them, else as the record has it. */
export function Who({ id, atMs }: WhoProps) {
  const { value } = useLoad(`who ${id}`, (signal) => loadPeople([id], signal));
  return <bdi>{nameThen(value, id, atMs) || id}</bdi>;
}
