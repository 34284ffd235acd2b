// Two Go clients of other makers, grpc-go over h2c and connect-go over HTTP/1.1, unlock a locked user and read
// why a second unlock is refused. Which one: the first argument.
package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	objectv2 "example.com/latchkey/interop/dist/zitadel/object/v2"
	userv2 "example.com/latchkey/interop/dist/zitadel/user/v2"
	"example.com/latchkey/interop/dist/zitadel/user/v2/userv2connect"
	zitadelv1 "example.com/latchkey/interop/dist/zitadel/v1"
)

const (
	refusalID   = "COMMAND-olb9vb0oca"
	refusalText = "User is not locked"
)

// A refusal is what a client sees of an error, whichever library it came through.
type refusal struct {
	code    string
	message string
	details []proto.Message
}

// An unlock answers the details, or the refusal, or an error that is neither.
type unlock func(ctx context.Context, userID string) (*objectv2.Details, *refusal, error)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	if len(os.Args) != 2 {
		return errors.New("usage: interop grpc|connect")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	address, token, userID := os.Getenv("LATCHKEY_ADDRESS"), os.Getenv("LATCHKEY_TOKEN"), os.Getenv("LATCHKEY_USER_ID")
	switch os.Args[1] {
	case "grpc":
		channel, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			return err
		}
		defer channel.Close()
		return check(ctx, throughGRPC(userv2.NewUserServiceClient(channel), token), userID)
	case "connect":
		client := userv2connect.NewUserServiceClient(http.DefaultClient, "http://"+address)
		return check(ctx, throughConnect(client, token), userID)
	}
	return fmt.Errorf("unknown client %q", os.Args[1])
}

func throughGRPC(client userv2.UserServiceClient, token string) unlock {
	return func(ctx context.Context, userID string) (*objectv2.Details, *refusal, error) {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token)
		answer, err := client.UnlockUser(ctx, &userv2.UnlockUserRequest{UserId: userID})
		if err == nil {
			return answer.GetDetails(), nil, nil
		}
		found, known := status.FromError(err)
		if !known {
			return nil, nil, err
		}
		refused := &refusal{code: found.Code().String(), message: found.Message()}
		for _, detail := range found.Details() {
			message, isMessage := detail.(proto.Message)
			if !isMessage {
				return nil, nil, fmt.Errorf("unreadable detail: %v", detail)
			}
			refused.details = append(refused.details, message)
		}
		return nil, refused, nil
	}
}

func throughConnect(client userv2connect.UserServiceClient, token string) unlock {
	return func(ctx context.Context, userID string) (*objectv2.Details, *refusal, error) {
		request := connect.NewRequest(&userv2.UnlockUserRequest{UserId: userID})
		request.Header().Set("Authorization", "Bearer "+token)
		answer, err := client.UnlockUser(ctx, request)
		if err == nil {
			return answer.Msg.GetDetails(), nil, nil
		}
		var found *connect.Error
		if !errors.As(err, &found) {
			return nil, nil, err
		}
		// The numbers are the same; grpc-go's names serve both.
		refused := &refusal{code: codes.Code(found.Code()).String(), message: found.Message()}
		for _, detail := range found.Details() {
			message, err := detail.Value()
			if err != nil {
				return nil, nil, err
			}
			refused.details = append(refused.details, message)
		}
		return nil, refused, nil
	}
}

func check(ctx context.Context, call unlock, userID string) error {
	details, refused, err := call(ctx, userID)
	if err != nil {
		return err
	}
	if refused != nil {
		return fmt.Errorf("first unlock refused: %s %q", refused.code, refused.message)
	}
	if details.GetSequence() < 2 || details.GetResourceOwner() == "" || details.GetChangeDate() == nil || details.GetCreationDate() == nil {
		return fmt.Errorf("first unlock: details incomplete: %v", details)
	}
	_, refused, err = call(ctx, userID)
	if err != nil {
		return err
	}
	if refused == nil {
		return errors.New("second unlock was not refused")
	}
	return refused.check()
}

func (r *refusal) check() error {
	if want := codes.FailedPrecondition.String(); r.code != want {
		return fmt.Errorf("code %s, want %s", r.code, want)
	}
	if want := fmt.Sprintf("%s (%s)", refusalText, refusalID); r.message != want {
		return fmt.Errorf("message %q, want %q", r.message, want)
	}
	if len(r.details) != 2 {
		return fmt.Errorf("%d details, want 2", len(r.details))
	}
	detail, isErrorDetail := r.details[0].(*zitadelv1.ErrorDetail)
	if !isErrorDetail || detail.GetId() != refusalID || detail.GetMessage() != refusalText {
		return fmt.Errorf("first detail: %v", r.details[0])
	}
	info, isErrorInfo := r.details[1].(*errdetails.ErrorInfo)
	if !isErrorInfo || info.GetReason() != "USER_NOT_LOCKED" || info.GetDomain() == "" {
		return fmt.Errorf("second detail: %v", r.details[1])
	}
	return nil
}
