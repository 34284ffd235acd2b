/** Hashes that other programs made: what it is, the password, the hash. */
export const otherPrograms = [
  [
    'PBKDF2 SHA-1 by passlib',
    'correct horse é',
    '$pbkdf2$2000$zHkvZcw5J2QMQegd4/xfSw$36j9dISzRmLuBr.dOIDuRnKYrSg',
  ],
  [
    'PBKDF2 SHA-256 by passlib',
    'correct horse é',
    '$pbkdf2-sha256$2000$0nqPEQKg9B6D8F4rhXBOiQ$01FTkqJldPGkcGdUwUgRujUZWspXRO5Cl6dSSG0GVQE',
  ],
  [
    'PBKDF2 SHA-512 by passlib',
    'correct horse é',
    '$pbkdf2-sha512$2000$xRgDQAjhfC9lbA3hvFdKKQ$zr1hvG0CB7ZlIYzyn9GgK26tgnj/ngheFof4omj5MoURfyGbM//NdwrIBMc5idN4RyzmO6D37WXp6YEOobYEtw',
  ],
  [
    'PBKDF2 SHA-256 of 64 bytes by Keycloak',
    'user1',
    '$pbkdf2-sha256$i=27500$H1Yjwf5UUIip/deJSkNJ+Q$gI7lGJLNUQfn6xcMUtLp0XnOIF3JdaoAj8IogosYZsDg4Q5cFxG5JkJrKZpR7mIG5MxlH346ikZKsiZovvFKDQ',
  ],
  [
    'argon2id by Keycloak',
    'password',
    '$argon2id$v=19$m=7168,t=5,p=1$Cf9AYCE5pAbb4CKEF0GUTA$BruFLfFkjH/8erZ26NnrbkOrWiZuQyDRCHD9o0R6Scg',
  ],
  [
    'PBKDF2 SHA-256 by Django',
    'correct horse é',
    'pbkdf2_sha256$2000$JJXdD1aettnb$UfbQiU9l8gNqF5WJqUBmDvEOg9MpzG2HEn04bKxMK9Y=',
  ],
  [
    'scrypt by passlib',
    'correct horse é',
    '$scrypt$ln=10,r=8,p=2$9j7nvDeG0Po/RyhlDOF8Tw$NEKxK6U75n0cTE2ai9XiYSgPlizKBhAvbTzTvdpRWjk',
  ],
  [
    'scrypt of RFC 7914, section 12',
    'pleaseletmein',
    '$scrypt$ln=14,r=8,p=1$U29kaXVtQ2hsb3JpZGU$cCO9yzr9c0hGHAbNgf046/2o+7qQT44+qbVD9lRdofLVQylVYT8Pz2LUlwUkKpr55h6F3A1lHkDfzwF7RVdYhw',
  ],
  [
    'SHA-256 crypt by passlib',
    'correct horse é',
    '$5$q97faeOxOVC0YBbK$WFdZs4keVw11OdwNbaAXuZqGUqouvAnxEQzuVvnvx30',
  ],
  [
    'SHA-256 crypt by openssl, a short salt',
    'correct horse é',
    '$5$abc$SyHZjjta0rh1CAQh/qNCz1vS9YHLgoRA9mVX2GHM7P.',
  ],
  [
    'SHA-256 crypt by libcrypt, a password as long as the digest',
    'pppppppppppppppppppppppppppppppp',
    '$5$saltsalt$QWEbIWTu4WEYDDVD7g3VCOQWVfvEuMESDpEMyW8.9j5',
  ],
  [
    'SHA-512 crypt by mkpasswd',
    'correct horse é',
    '$6$OYiLWUy29JVnYtTI$A05pSL8u/A.4cDMy1Q3UMIj22rgcYwlhdn1wLfTTjQ7Dbe/Jkcd2CD752tI9HqS1TFFIAV0FexCmzxZjAdglx1',
  ],
  [
    'SHA-512 crypt of 2000 rounds by passlib',
    'correct horse é',
    '$6$rounds=2000$/MW10irjFDRrF1Se$cjMszN0uQ6ziCc29nBVTHyrAWoW77TidUUeg0FQrmTexGgLiVnFmm2RXwmIcfKtz1UGWEi03vUaFL4oggEhnV1',
  ],
  ['bcrypt by htpasswd', 'correct horse é', '$2y$05$GNXg353QYSw9koCTzs5VZuy0PD3lNfWyxrKMj7.CvPcl.9XbyJRPW'],
  ['bcrypt by passlib', 'correct horse é', '$2b$05$llxyGoBF3qx367fuDgDxROaJfhgV/pIYV8HNZC/w4GeUhISMB1Cd6'],
  [
    'argon2i by PHP',
    'correct horse é',
    '$argon2i$v=19$m=1024,t=2,p=1$eFhXZUc4OTM2UWhYSGZPag$kEE5TZ7nRiFbSfAu47iW6XfqwRmd6/2+ZQKM7IwNeRo',
  ],
  [
    'argon2i by argon2-cffi',
    'correct horse é',
    '$argon2i$v=19$m=1024,t=3,p=2$itCa3+zFQNnYg/vVP+Y0oQ$qdL1EsBN1S7aXYBDwNT+q5GiQD0A/5T4WA8nuCyxGAQ',
  ],
  [
    'argon2id by argon2-cffi',
    'correct horse é',
    '$argon2id$v=19$m=1024,t=3,p=2$jeU10xj8J6yx44NYmKcAUg$OxMT7jneJdkgQrGmg/INHMPWxIg2lODKSiw2lo0J0eo',
  ],
] as const;
