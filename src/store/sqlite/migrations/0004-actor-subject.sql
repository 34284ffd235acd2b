-- Who did it, where that is nobody of ours but the subject of another issuer's token: "issuer|subject".
ALTER TABLE events ADD COLUMN actor_subject TEXT;
