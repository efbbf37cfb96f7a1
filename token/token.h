/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Tokens that say what their bearer may publish and watch: JSON Web Tokens (RFC 7519), signed with
 * a key of a file of JSON Web Keys (RFC 7517), with the claims of the crate moq-token and of npm
 * @moq/token.
 *
 * A key is for one algorithm, and a token is checked with the key's, never with one that the token
 * asks for. Nothing is fetched: "jku", "x5u" and keys inside a token are ignored. Neither a token
 * nor a secret is ever part of an error. */
#ifndef MOQ_TOKEN_TOKEN_H
#define MOQ_TOKEN_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TOKEN_MAX_BYTES = 8192,            /* a longer token is refused before it is decoded */
    TOKEN_KEY_FILE_MAX_BYTES = 262144, /* 256 KiB */
    TOKEN_KEYS_MAX = 64,               /* in a file */
    TOKEN_TRIES_MAX = 8,               /* keys that are tried for a token that names none */
    TOKEN_PREFIXES_MAX = 64,           /* in a list */
    TOKEN_PREFIX_MAX_BYTES = 1024,     /* joined with the root */
    TOKEN_WHY_BYTES = 320,             /* for the words of an error, with the NUL */
};

#define TOKEN_NEVER INT64_MAX

enum token_error {
    TOKEN_OK = 0,
    TOKEN_ERR_SIZE,      /* larger than a bound above */
    TOKEN_ERR_FORM,      /* not a signed token: parts, base64url, JSON, header */
    TOKEN_ERR_ALGORITHM, /* none, unknown, or not the key's */
    TOKEN_ERR_KEY,       /* no key fits, or the key file is wrong */
    TOKEN_ERR_SIGNATURE,
    TOKEN_ERR_EXPIRED, /* exp */
    TOKEN_ERR_EARLY,   /* nbf */
    TOKEN_ERR_CLAIM,   /* another claim is missing, malformed, or beyond what the key may grant */
    TOKEN_ERR_NOMEM,
};

/* One word for counters and logs, such as "expired". Never NULL. */
const char *token_error_name(int error);

/* Once, on the main thread, before any other call, and at the very end. Returns 0 or
 * TOKEN_ERR_NOMEM. */
int token_library_start(void);
void token_library_stop(void);

/* ---- Keys ------------------------------------------------------------------------------------ */

/* A set of keys. Nothing changes it, so any number of threads may use it at a time. */
struct token_keys;

struct token_key_info {
    const char *kid; /* borrowed from the set; NULL: none */
    const char *algorithm;
    bool can_sign, can_verify;
};

/* Reads a file: a JWK, a JWK set, or either in base64url. Returns a set that the caller owns, or
 * NULL with words in `why`: the file, the key (its place and kid), and what to do. */
struct token_keys *token_keys_load(const char *path, char why[TOKEN_WHY_BYTES]);
/* The same for `n` bytes; `name` stands for the file in `why`. */
struct token_keys *token_keys_parse(const char *text, size_t n, const char *name,
                                    char why[TOKEN_WHY_BYTES]);
void token_keys_free(struct token_keys **keys); /* sets it to NULL; NULL: does nothing */

size_t token_keys_count(const struct token_keys *keys);
struct token_key_info token_keys_at(const struct token_keys *keys, size_t index);
/* Keys of a set that are for other purposes are left out (RFC 7517, section 5): says which was the
 * first and why; "": none. Borrowed from the set. */
const char *token_keys_skipped(const struct token_keys *keys);

/* ---- Grants ---------------------------------------------------------------------------------- */

/* Prefixes of paths: their parts joined by '/', without slashes at the ends; "" is everything. A
 * prefix covers itself and what begins with all its parts: "demo" covers "demo/bbb", not
 * "demonstration". A part is a name, whatever its characters: ".." and "%2e" mean nothing else. */
struct token_prefixes {
    char *items[TOKEN_PREFIXES_MAX]; /* owned */
    size_t count;
};

/* All zeros: nothing is granted. */
struct token_grants {
    struct token_prefixes publish, subscribe;
};

/* Adds the prefix `root` joined with `path`, without slashes at the ends and double ones. Returns
 * 0, or TOKEN_ERR_SIZE or TOKEN_ERR_NOMEM. */
int token_prefixes_add(struct token_prefixes *list, const char *root, const char *path);
/* Adds one line of a list: "demo", or the same as "demo/" with two stars behind it (demo and all
 * below it), or two stars alone (everything). Returns 0, TOKEN_ERR_SIZE or TOKEN_ERR_NOMEM, or
 * TOKEN_ERR_CLAIM for a star anywhere else. */
int token_prefixes_add_pattern(struct token_prefixes *list, const char *pattern,
                               char why[TOKEN_WHY_BYTES]);
bool token_prefixes_cover(const struct token_prefixes *list, const char *path);
void token_prefixes_clear(struct token_prefixes *list);

/* Adds what `more` grants. Returns 0, TOKEN_ERR_SIZE or TOKEN_ERR_NOMEM; `grants` then has some of
 * it. */
int token_grants_add(struct token_grants *grants, const struct token_grants *more);
void token_grants_clear(struct token_grants *grants);

/* ---- Tokens ---------------------------------------------------------------------------------- */

struct token {
    struct token_grants grants;
    bool is_cluster;
    int64_t expires_ms; /* since 1970, UTC; TOKEN_NEVER: it has no "exp" */
    char *identity;     /* "sub" where that names somebody, else the key's kid, else "" */
    char *claims;       /* all of them, as compact JSON */
};

/* Verifies `text`, a compact JWS that ends with NUL, at the time `now_ms` (since 1970). Fills
 * `token`, which the caller clears, or returns a token_error, says in `why` which claim or check
 * failed, and leaves `token` empty. Claims are those of moq-token:
 *
 *   root          joined before all prefixes; default ""
 *   put, or pub   prefixes to publish, a string or a list; absent: none; "": all below root
 *   get, or sub   prefixes to watch; `sub` only where neither put nor get is there, because in
 *                 other tokens it is the subject (RFC 7519, section 4.1.2)
 *   cluster       true or false
 *   exp, nbf      seconds since 1970, maybe with a fraction: valid from nbf on, up to just before
 *                 exp, without leeway */
int token_verify(const struct token_keys *keys, const char *text, int64_t now_ms,
                 struct token *token, char why[TOKEN_WHY_BYTES]);
void token_clear(struct token *token);

/* ---- Making them ----------------------------------------------------------------------------- */

struct token_claims {
    const char *root;
    const char *const *publish, *const *subscribe;
    size_t publish_count, subscribe_count;
    bool is_cluster;
    int64_t expires_s, issued_s, not_before_s; /* since 1970; TOKEN_NEVER: not in the token */
};

/* Each returns a text that the caller owns and frees with token_text_free, or NULL with words in
 * `why`. */

/* A token signed with the key `kid`, or with the first that can sign if `kid` is NULL. Refused if
 * it would grant nothing, or more than the scope of the key. */
char *token_sign(const struct token_keys *keys, const char *kid, const struct token_claims *claims,
                 char why[TOKEN_WHY_BYTES]);
/* A new key for `algorithm`, as a JWK. `kid` NULL: a random one. `scope`: what its tokens may grant
 * (root, publish, subscribe); NULL: anything. */
char *token_key_generate(const char *algorithm, const char *kid, const struct token_claims *scope,
                         char why[TOKEN_WHY_BYTES]);
/* The public halves: a JWK, or a JWK set if there are several keys. */
char *token_keys_public(const struct token_keys *keys, char why[TOKEN_WHY_BYTES]);
/* `json` in base64url without padding, as the other tools keep keys. NULL: out of memory. */
char *token_key_armour(const char *json);

/* Overwrites the text with zeros and frees it; sets it to NULL. NULL: does nothing. */
void token_text_free(char **text);

#endif
