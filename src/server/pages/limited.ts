import { asConnectError } from '../../rpc/connect-error.ts';
import { type Limited, requireWithinAddress } from '../../rpc/limits/call-limits.ts';
import { statusBody } from '../dialects/rest-error.ts';
import type { Reply } from '../http/exchange.ts';
import { documentReply, type Page, type Pages } from './page.ts';

/** Pages count for their address like calls; what is beyond its limit is answered 429 before anything is done. */
export function limited(pages: Pages, app: Limited): Pages {
  if (app.limits.address === undefined) return pages;
  return {
    find(path, verb) {
      const page = pages.find(path, verb);
      return page && limitedPage(page, app);
    },
  };
}

function limitedPage(page: Page, app: Limited): Page {
  return {
    ...page,
    async answer(exchange) {
      try {
        requireWithinAddress(app, exchange.remoteAddress);
      } catch (error) {
        return refusal(error);
      }
      return page.answer(exchange);
    },
  };
}

function refusal(thrown: unknown): Reply {
  const error = asConnectError(thrown, () => undefined);
  const { status, body } = statusBody(error);
  const retryAfter = error.metadata.get('retry-after') ?? '1';
  return documentReply({ status, type: 'application/json', body, headers: ['retry-after', retryAfter] });
}
