"""Reads cases on stdin, prints what the standard's library says of each."""

import json
import sys

from standardwebhooks import Webhook, WebhookVerificationError


def say(case):
    try:
        Webhook(case["secret"]).verify(case["body"], case["headers"])
        return True
    except (WebhookVerificationError, ValueError):
        return False


print(json.dumps([say(case) for case in json.load(sys.stdin)]))
