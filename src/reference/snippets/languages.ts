import { csharp } from './csharp.ts';
import { curl } from './curl.ts';
import { go } from './go.ts';
import { java } from './java.ts';
import { node } from './node.ts';
import { php } from './php.ts';
import { powershell } from './powershell.ts';
import { python } from './python.ts';
import type { Language } from './request.ts';
import { ruby } from './ruby.ts';

/** In the order in which a page shows them. */
export const languages: readonly Language[] = [curl, python, go, node, ruby, csharp, php, java, powershell];
