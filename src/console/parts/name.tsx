import { to } from '../state/route.ts';

interface NameProps {
  readonly userId: string;
  /** What they are called; the id where nothing is known. */
  readonly name: string;
  readonly loginName: string;
  readonly id?: string;
}

/** A person, as a link to all about them. Whatever they are called, it stays in its place and runs its own way. */
export function NameLink({ userId, name, loginName, id }: NameProps) {
  return (
    <span class="name">
      <a href={to.user(userId)} id={id}>
        <bdi>{name || loginName || userId}</bdi>
      </a>
      <small>
        <bdi>{loginName || userId}</bdi>
      </small>
    </span>
  );
}
