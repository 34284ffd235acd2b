import type { AnyDesc, DescFile } from '@bufbuild/protobuf';
import { getComments } from '@bufbuild/protoplugin';

/** What a comment of a call says; each part is a part of its text. */
export interface CallComment {
  readonly description: string;
  /** In the comment's words, such as "user.write; with a password user.credential.write as well". */
  readonly permission: string | undefined;
  /** Ids of errors that not every call can give. */
  readonly errorIds: readonly string[];
}

/** The comment before an element: one line a paragraph; empty where there is none. */
export function descriptionOf(desc: Exclude<AnyDesc, DescFile>): string {
  const { leading = '' } = getComments(desc);
  return leading
    .split(/\n\s*\n/)
    .map((paragraph) => paragraph.replace(/\s+/g, ' ').trim())
    .filter((paragraph) => paragraph !== '')
    .join('\n');
}

// A sentence ends with a dot before white space: the one in `user.write` ends nothing.
const permissionSentence = /\s*Permission: (.*?)\.(?=\s|$)/s;
const errorsSentence = /\s*Errors: (.*?)\.(?=\s|$)/s;

/** Takes the sentences `Permission: …` and `Errors: REASON (id), …` out of a call's comment. */
export function callCommentOf(desc: Exclude<AnyDesc, DescFile>): CallComment {
  const text = descriptionOf(desc);
  const errors = errorsSentence.exec(text)?.[1] ?? '';
  return {
    description: text.replace(permissionSentence, '').replace(errorsSentence, '').trim(),
    permission: permissionSentence.exec(text)?.[1],
    errorIds: [...errors.matchAll(/\(([\w-]+)\)/g)].map(([, id = '']) => id),
  };
}
