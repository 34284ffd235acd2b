package interop;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.ErrorInfo;
import com.zitadel.object.v2.Details;
import com.zitadel.user.v2.UnlockUserRequest;
import com.zitadel.user.v2.UserServiceGrpc;
import com.zitadel.user.v2.UserServiceGrpc.UserServiceBlockingStub;
import com.zitadel.v1.ErrorDetail;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.MetadataUtils;
import java.util.Objects;
import java.util.concurrent.TimeUnit;

/** grpc-java unlocks a locked user and reads why a second unlock is refused. */
public final class Client {
  private static final String REFUSAL_ID = "COMMAND-olb9vb0oca";
  private static final String REFUSAL_TEXT = "User is not locked";

  private Client() {}

  public static void main(String[] args) throws Exception {
    ManagedChannel channel =
        NettyChannelBuilder.forTarget(System.getenv("LATCHKEY_ADDRESS")).usePlaintext().build();
    try {
      Metadata headers = new Metadata();
      headers.put(
          Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER),
          "Bearer " + System.getenv("LATCHKEY_TOKEN"));
      check(
          UserServiceGrpc.newBlockingStub(channel)
              .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(headers)));
    } finally {
      channel.shutdownNow().awaitTermination(5, TimeUnit.SECONDS);
    }
  }

  private static void check(UserServiceBlockingStub stub) throws InvalidProtocolBufferException {
    Details details = unlock(stub);
    expect(details.getSequence() >= 2, true, "sequence of at least 2");
    expect(details.getResourceOwner().isEmpty(), false, "empty resource_owner");
    expect(details.hasChangeDate(), true, "change_date");
    expect(details.hasCreationDate(), true, "creation_date");
    try {
      unlock(stub);
    } catch (StatusRuntimeException refused) {
      checkRefusal(refused);
      return;
    }
    throw new AssertionError("second unlock was not refused");
  }

  private static Details unlock(UserServiceBlockingStub stub) {
    UnlockUserRequest request =
        UnlockUserRequest.newBuilder().setUserId(System.getenv("LATCHKEY_USER_ID")).build();
    return stub.withDeadlineAfter(20, TimeUnit.SECONDS).unlockUser(request).getDetails();
  }

  private static void checkRefusal(StatusRuntimeException refused)
      throws InvalidProtocolBufferException {
    expect(refused.getStatus().getCode(), Status.Code.FAILED_PRECONDITION, "code");
    String message = REFUSAL_TEXT + " (" + REFUSAL_ID + ")";
    expect(refused.getStatus().getDescription(), message, "message");
    com.google.rpc.Status status = StatusProto.fromThrowable(refused);
    expect(status.getCode(), Status.Code.FAILED_PRECONDITION.value(), "code in the status");
    expect(status.getMessage(), message, "message in the status");
    expect(status.getDetailsCount(), 2, "number of details");
    ErrorDetail detail = status.getDetails(0).unpack(ErrorDetail.class);
    expect(detail.getId(), REFUSAL_ID, "id");
    expect(detail.getMessage(), REFUSAL_TEXT, "text");
    ErrorInfo info = status.getDetails(1).unpack(ErrorInfo.class);
    expect(info.getReason(), "USER_NOT_LOCKED", "reason");
  }

  private static void expect(Object actual, Object wanted, String what) {
    if (!Objects.equals(actual, wanted)) {
      throw new AssertionError(what + ": " + actual + ", want " + wanted);
    }
  }
}
