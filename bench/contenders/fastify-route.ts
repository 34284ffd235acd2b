/** JSON schema of the unlock route, for both Fastify contenders: the parameter is checked, the answer's writer compiled. */
export const unlockRoute = {
  params: {
    type: 'object',
    required: ['user_id'],
    properties: { user_id: { type: 'string', minLength: 1, maxLength: 200 } },
  },
  response: {
    200: {
      type: 'object',
      properties: {
        details: {
          type: 'object',
          properties: {
            sequence: { type: 'string' },
            changeDate: { type: 'string' },
            resourceOwner: { type: 'string' },
            creationDate: { type: 'string' },
          },
        },
      },
    },
  },
} as const;
