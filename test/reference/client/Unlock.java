import java.util.List;
import java.util.Map;
import org.openapitools.client.ApiClient;
import org.openapitools.client.ApiException;
import org.openapitools.client.Configuration;
import org.openapitools.client.api.LatchkeyV1LockServiceApi;
import org.openapitools.client.api.ZitadelUserV2UserServiceApi;
import org.openapitools.client.model.LatchkeyV1LockUserBody;
import org.openapitools.client.model.ZitadelUserV2InUserIDQuery;
import org.openapitools.client.model.ZitadelUserV2ListUsersRequest;
import org.openapitools.client.model.ZitadelUserV2SearchQuery;
import org.openapitools.client.model.ZitadelUserV2UserState;

/** Locks, lists and unlocks with the client that openapi-generator made of the document. */
public final class Unlock {
    public static void main(String[] args) throws ApiException {
        String userId = System.getenv("LATCHKEY_USER_ID");
        String token = System.getenv("LATCHKEY_TOKEN");
        ApiClient client = Configuration.getDefaultApiClient();
        client.setRequestInterceptor(request -> request.header("Authorization", "Bearer " + token));
        LatchkeyV1LockServiceApi locks = new LatchkeyV1LockServiceApi(client);
        ZitadelUserV2UserServiceApi users = new ZitadelUserV2UserServiceApi(client);
        var locked = locks.lockServiceLockUser(userId, new LatchkeyV1LockUserBody().reason("left the company"));
        require("left the company".equals(locked.getLock().getReason()), "the lock says why");
        var query = new ZitadelUserV2SearchQuery()
            .inUserIdsQuery(new ZitadelUserV2InUserIDQuery().userIds(List.of(userId)));
        var listed = users.userServiceListUsers(new ZitadelUserV2ListUsersRequest().queries(List.of(query)));
        require(listed.getResult().size() == 1, "one user is listed");
        require(listed.getResult().get(0).getState() == ZitadelUserV2UserState.USER_STATE_LOCKED, "locked");
        // The generated client would send null as it is, which is no JSON object.
        Object nothing = Map.of();
        var unlocked = users.userServiceUnlockUser(userId, nothing);
        require(unlocked.getDetails().getSequence() != null, "unlocked");
        try {
            users.userServiceUnlockUser(userId, nothing);
            throw new IllegalStateException("a second unlock went well");
        } catch (ApiException refused) {
            require(refused.getCode() == 400, "a second unlock is refused");
            require(refused.getResponseBody().contains("COMMAND-olb9vb0oca"), "by its id");
        }
        System.out.println("locked, listed, unlocked");
    }

    private static void require(boolean holds, String told) {
        if (!holds) throw new IllegalStateException(told);
    }
}
