"""Locks, lists and unlocks with the client that openapi-generator made of the document."""

import os

import openapi_client as latchkey

configuration = latchkey.Configuration(access_token=os.environ["LATCHKEY_TOKEN"])
user_id = os.environ["LATCHKEY_USER_ID"]

with latchkey.ApiClient(configuration) as client:
    locks = latchkey.LatchkeyV1LockServiceApi(client)
    users = latchkey.ZitadelUserV2UserServiceApi(client)
    body = latchkey.LatchkeyV1LockUserBody(reason="left the company")
    locked = locks.lock_service_lock_user(user_id, body)
    assert locked.lock.reason == "left the company", locked
    found = locks.lock_service_list_locks(query_limit=100)
    assert user_id in [lock.user_id for lock in found.locks], found
    query = latchkey.ZitadelUserV2SearchQuery(inUserIdsQuery=latchkey.ZitadelUserV2InUserIDQuery(userIds=[user_id]))
    listed = users.user_service_list_users(latchkey.ZitadelUserV2ListUsersRequest(queries=[query]))
    assert [user.state for user in listed.result] == ["USER_STATE_LOCKED"], listed
    unlocked = users.user_service_unlock_user(user_id)
    assert int(unlocked.details.sequence) > int(locked.details.sequence), unlocked
    try:
        users.user_service_unlock_user(user_id)
        raise SystemExit("a second unlock went well")
    except latchkey.ApiException as refused:
        assert refused.status == 400 and refused.data.details[0].to_dict()["id"] == "COMMAND-olb9vb0oca", refused
print("locked, listed, unlocked")
