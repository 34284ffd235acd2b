import type { JsonObject, MessageInitShape } from '@bufbuild/protobuf';
import type { EventSchema } from '../../../gen/es/latchkey/v1/admin_pb.js';
import type { RecordedEvent } from '../../domain/events.ts';
import { actingPolicy } from '../../domain/lock-events.ts';
import { timestampOf } from './details.ts';

/** An event as the log holds it; what is not known of its actor is empty. */
export function eventOf(event: RecordedEvent): MessageInitShape<typeof EventSchema> {
  const { meta } = event;
  return {
    position: BigInt(event.position),
    eventId: event.eventId,
    userId: event.userId,
    sequence: BigInt(event.sequence),
    type: event.type,
    creationDate: timestampOf(event.createdAt),
    // Read from a JSON column, so JSON it is.
    payload: event.payload as JsonObject,
    actor: {
      userId: meta.actorUserId ?? '',
      osUser: meta.actorOsUser ?? '',
      subject: meta.actorSubject ?? '',
      ip: meta.ip ?? '',
      userAgent: meta.userAgent ?? '',
      requestId: meta.requestId ?? '',
      traceparent: meta.traceparent ?? '',
      reason: meta.reason ?? '',
      policy: actingPolicy(event) ?? '',
    },
  };
}
