const hash = '$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW';

/** The text of a file with so many people, half of them without an id where the form allows that. */
export const manyOf: Readonly<Record<string, (count: number) => string>> = {
  csv: (count) =>
    [
      'id,user_name,given_name,family_name,email,email_verified,state,password_hash',
      ...people(count).map(({ at, name, email }) => {
        const state = ['active', 'inactive', 'locked', 'initial', ''][at % 5];
        return `${at % 2 ? `u${at}` : ''},${name},"Given, ${at}",Family ${at},${email},true,${state},${hash}`;
      }),
    ].join('\r\n'),
  jsonl: (count) =>
    people(count)
      .map(({ at, name, email }) =>
        JSON.stringify({
          ...(at % 2 === 1 && { id: `u${at}` }),
          ...{
            user_name: name,
            given_name: 'Given',
            family_name: `Family ${at}`,
            email,
            email_verified: true,
          },
          ...{ state: at % 3 === 0 ? 'locked' : 'active', password_hash: hash },
        }),
      )
      .join('\n'),
  keycloak: (count) => JSON.stringify({ realm: 'r', users: people(count).map(ofKeycloak) }, null, 1),
  zitadel: (count) =>
    JSON.stringify({
      orgs: [{ orgId: 'home', humanUsers: people(count).map(ofZitadel) }],
    }),
};

const people = (count: number) =>
  Array.from({ length: count }, (_, at) => ({ at, name: `name-${at}`, email: `name-${at}@mail.example` }));

type Person = ReturnType<typeof people>[number];

function ofKeycloak({ at, name, email }: Person): object {
  const secretData = JSON.stringify({
    value: '9qur72LAICdhFeb2SpkJt2jbOYaxJ44g9T+E7bmJXxI=',
    salt: 'AGHjXoWftkFxnk/dcZRNnA==',
    additionalParameters: {},
  });
  const credentialData = JSON.stringify({
    ...{ hashIterations: 27_500, algorithm: 'pbkdf2-sha256', additionalParameters: {} },
  });
  return {
    ...{
      id: `kc-${at}`,
      createdTimestamp: 1_611_230_523_301,
      username: name,
      enabled: at % 5 > 0,
      totp: false,
    },
    ...{ emailVerified: true, firstName: 'Given', lastName: `Family ${at}`, email },
    attributes: { locale: ['en'], phoneNumber: ['+41791234567'] },
    credentials: [
      { id: `c-${at}`, type: 'password', createdDate: 1_740_654_903_754, secretData, credentialData },
    ],
    ...{ disableableCredentialTypes: [], requiredActions: [], realmRoles: ['default-roles-r'], notBefore: 0 },
    groups: [],
  };
}

function ofZitadel({ at, name, email }: Person): object {
  return {
    userId: `z-${at}`,
    user: {
      userName: name,
      profile: { firstName: 'Given', lastName: `Family ${at}`, displayName: `Given Family ${at}` },
      email: { email, isEmailVerified: true },
      hashedPassword: { value: hash, algorithm: 'bcrypt' },
    },
  };
}
