import type { HumanProfile, MachineProfile, NameReach } from './user.ts';

/** What changes who a user is, apart from what may be done. Each says the values that hold after it. */
export type ProfileEvent =
  | {
      readonly type: 'user.username.changed';
      readonly payload: NameReach & SharedNames & { readonly userName: string };
    }
  /** Of a person, or of somebody of whom nothing else is known. */
  | { readonly type: 'user.external.id.changed'; readonly payload: { readonly externalId: string } }
  /** Of a person; it is free for another. */
  | { readonly type: 'user.external.id.removed'; readonly payload: Readonly<Record<string, never>> }
  | { readonly type: 'user.human.profile.changed'; readonly payload: ProfileTexts }
  /** A new address is unverified, and so a login name in its own organization alone. */
  | {
      readonly type: 'user.human.email.changed';
      readonly payload: SharedNames & { readonly email: string };
    }
  | {
      readonly type: 'user.human.email.verified';
      readonly payload: NameReach & SharedNames & Pick<HumanProfile, 'emailLocal'>;
    }
  | {
      readonly type: 'user.human.phone.changed';
      readonly payload: { readonly phone: string; readonly phoneVerified: boolean };
    }
  | { readonly type: 'user.human.phone.removed'; readonly payload: Readonly<Record<string, never>> }
  | {
      readonly type: 'user.machine.changed';
      readonly payload: Partial<Pick<MachineProfile, 'name' | 'description'>>;
    };

/** Those of a person's texts that changed. */
export type ProfileTexts = Partial<
  Pick<HumanProfile, 'givenName' | 'familyName' | 'nickName' | 'displayName' | 'preferredLanguage' | 'gender'>
>;

export interface SharedNames {
  /**
   * Names of the user that others sign in by as well, for the operator to sort out: as long as both have one, it means
   * neither, unless the call names the organization.
   */
  readonly sharedNames?: readonly string[];
}
