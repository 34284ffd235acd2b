"""Google's Python client, with stubs made from proto/ alone, unlocks a locked user and reads why a second unlock is refused."""

import os
import sys

import grpc
from google.rpc import error_details_pb2, status_pb2
from zitadel.user.v2 import user_service_pb2, user_service_pb2_grpc
from zitadel.v1 import error_detail_pb2

REFUSAL_ID = "COMMAND-olb9vb0oca"
REFUSAL_TEXT = "User is not locked"


def expect(actual: object, wanted: object, what: str) -> None:
    if actual != wanted:
        sys.exit(f"{what}: {actual!r}, want {wanted!r}")


def unlock(stub: user_service_pb2_grpc.UserServiceStub) -> user_service_pb2.UnlockUserResponse:
    request = user_service_pb2.UnlockUserRequest(user_id=os.environ["LATCHKEY_USER_ID"])
    metadata = [("authorization", f"Bearer {os.environ['LATCHKEY_TOKEN']}")]
    return stub.UnlockUser(request, metadata=metadata, timeout=20)


def check_refusal(error: grpc.RpcError) -> None:
    expect(error.code(), grpc.StatusCode.FAILED_PRECONDITION, "code")
    expect(error.details(), f"{REFUSAL_TEXT} ({REFUSAL_ID})", "message")
    trailers = dict(error.trailing_metadata())
    status = status_pb2.Status.FromString(trailers["grpc-status-details-bin"])
    expect(status.code, grpc.StatusCode.FAILED_PRECONDITION.value[0], "code in the status")
    expect(status.message, error.details(), "message in the status")
    expect(len(status.details), 2, "number of details")
    detail, info = error_detail_pb2.ErrorDetail(), error_details_pb2.ErrorInfo()
    expect(status.details[0].Unpack(detail), True, "first detail is an ErrorDetail")
    expect((detail.id, detail.message), (REFUSAL_ID, REFUSAL_TEXT), "first detail")
    expect(status.details[1].Unpack(info), True, "second detail is an ErrorInfo")
    expect(info.reason, "USER_NOT_LOCKED", "reason")


def main() -> None:
    with grpc.insecure_channel(os.environ["LATCHKEY_ADDRESS"]) as channel:
        stub = user_service_pb2_grpc.UserServiceStub(channel)
        details = unlock(stub).details
        complete = [details.sequence >= 2, details.resource_owner != ""]
        complete += [details.HasField("change_date"), details.HasField("creation_date")]
        expect(complete, [True] * 4, "sequence, resource_owner, change_date, creation_date")
        try:
            unlock(stub)
        except grpc.RpcError as error:
            check_refusal(error)
        else:
            sys.exit("second unlock was not refused")


if __name__ == "__main__":
    main()
