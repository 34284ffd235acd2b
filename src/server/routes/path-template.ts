/** The variable of a template: the segments `from` (inclusive) to `to` (exclusive) fill the field of that name. */
export interface TemplateVariable {
  /** A field path, such as `user_id` or `query.limit`. */
  readonly name: string;
  readonly from: number;
  readonly to: number;
  /** True where more than one segment may match, so that an encoded slash must stay apart from a real one. */
  readonly isMultiSegment: boolean;
}

/** A parsed path template of `google.api.http`. */
export interface PathTemplate {
  /** Literals as they stand in the path, `*` for any one segment, `**` (only last) for any number of them. */
  readonly segments: readonly string[];
  readonly variables: readonly TemplateVariable[];
  /** The custom verb with its colon, or empty. */
  readonly suffix: string;
}

const part = /\/(?:\{([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)(?:=([^{}]+))?\}|([^/{}]+))/y;

/** Reads a template by the grammar of google/api/http.proto. Throws where it breaks that grammar. */
export function parseTemplate(template: string): PathTemplate {
  const suffixAt = suffixStart(template);
  const path = template.slice(0, suffixAt);
  const segments: string[] = [];
  const variables: TemplateVariable[] = [];
  for (let at = 0; at < path.length; at = part.lastIndex) {
    part.lastIndex = at;
    const match = part.exec(path);
    if (match === null) throw malformed(template, `nothing fits at character ${at + 1}`);
    const [, name, pattern, literal] = match;
    const added = literal === undefined ? (pattern ?? '*').split('/') : [literal];
    const from = segments.length;
    segments.push(...added);
    if (name !== undefined) {
      const isMultiSegment = added.length > 1 || added[0] === '**';
      variables.push({ name, from, to: segments.length, isMultiSegment });
    }
  }
  checkSegments(template, segments);
  return { segments, variables, suffix: template.slice(suffixAt) };
}

function suffixStart(template: string): number {
  const colon = template.lastIndexOf(':');
  const isLast = colon > Math.max(template.lastIndexOf('/'), template.lastIndexOf('}') - 1);
  return isLast ? colon : template.length;
}

function checkSegments(template: string, segments: readonly string[]): void {
  if (segments.length === 0) throw malformed(template, 'it has no segment');
  for (const [index, segment] of segments.entries()) {
    if (segment === '') throw malformed(template, 'a segment is empty');
    if (segment === '**' && index < segments.length - 1) throw malformed(template, '** must be last');
    if (segment.includes('*') && segment !== '*' && segment !== '**') {
      throw malformed(template, `"${segment}" mixes a star and text`);
    }
  }
}

function malformed(template: string, reason: string): Error {
  return new Error(`path template ${template}: ${reason}`);
}

/**
 * The value of a variable, percent-decoded once; undefined where it is no percent-encoded UTF-8.
 * Across several segments %2F stays as it is, since a decoded one could not be told from a separator.
 */
export function decodeVariable(raw: string, isMultiSegment: boolean): string | undefined {
  let isEncoded = false;
  for (let index = 0; index < raw.length; index += 1) {
    const unit = raw.charCodeAt(index);
    if (unit <= 0x20 || unit >= 0x7f) return undefined;
    if (unit === 0x25) isEncoded = true;
  }
  if (!isEncoded) return raw;
  try {
    return decodeURIComponent(isMultiSegment ? raw.replace(/%(2[fF])/g, '%25$1') : raw);
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}
