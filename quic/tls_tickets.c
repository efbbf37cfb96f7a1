/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Encrypts tickets with AES-128-GCM. The name of the key and the number of resumptions are not
 * encrypted, but authenticated with the rest. */
#include "quic/tls_tickets.h"

#include <wolfssl/wolfcrypt/aes.h>

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"

enum {
    NAME_BYTES = WOLFSSL_TICKET_NAME_SZ - 1, /* the last byte is the number of resumptions */
    KEY_BYTES = AES_128_KEY_SIZE,
    NONCE_BYTES = 12, /* of WOLFSSL_TICKET_IV_SZ */
    TAG_BYTES = 16,   /* of WOLFSSL_TICKET_MAC_SZ */
    AAD_BYTES = WOLFSSL_TICKET_NAME_SZ + WOLFSSL_TICKET_IV_SZ,
};

/* A key encrypts tickets for this long, and decrypts them for twice as long. */
#define KEY_LIFETIME_NS (3600 * NS_PER_S)

struct ticket_key {
    uint8_t name[NAME_BYTES], bytes[KEY_BYTES];
    uint64_t born_ns;
    bool is_made;
};

struct tls_tickets {
    pthread_mutex_t mutex;
    struct ticket_key keys[2]; /* the newest first */
};

struct ticket { /* as wolfSSL passes it */
    uint8_t *name, *nonce, *tag, *data;
    word32 size;
};

static bool fill_random(uint8_t *out, size_t n)
{
    return getrandom(out, n, 0) == (ssize_t)n;
}

/* ---- Keys ------------------------------------------------------------------------------------ */

/* Whether a key is not older than `lifetime_ns`. The sum is compared, because this thread's clock
 * may be a little behind that of the thread that made the key. */
static bool is_fresh(const struct ticket_key *key, uint64_t now_ns, uint64_t lifetime_ns)
{
    return key->is_made && now_ns < key->born_ns + lifetime_ns;
}

static bool take_newest(struct tls_tickets *self, uint64_t now_ns, struct ticket_key *out)
{
    pthread_mutex_lock(&self->mutex);
    if (!is_fresh(&self->keys[0], now_ns, KEY_LIFETIME_NS)) {
        struct ticket_key fresh = {.born_ns = now_ns, .is_made = true};
        if (fill_random(fresh.name, NAME_BYTES) && fill_random(fresh.bytes, KEY_BYTES)) {
            self->keys[1] = self->keys[0];
            self->keys[0] = fresh;
        }
    }
    *out = self->keys[0];
    pthread_mutex_unlock(&self->mutex);
    return out->is_made;
}

static bool find_key_named(struct tls_tickets *self, uint64_t now_ns, const uint8_t *name,
                           struct ticket_key *out)
{
    bool is_found = false;
    pthread_mutex_lock(&self->mutex);
    for (size_t i = 0; i < 2 && !is_found; i++) {
        *out = self->keys[i];
        is_found =
            is_fresh(out, now_ns, 2 * KEY_LIFETIME_NS) && memcmp(out->name, name, NAME_BYTES) == 0;
    }
    pthread_mutex_unlock(&self->mutex);
    return is_found;
}

/* ---- Tickets --------------------------------------------------------------------------------- */

static bool apply_key(const struct ticket_key *key, struct ticket *ticket, bool is_seal)
{
    Aes aes;
    uint8_t aad[AAD_BYTES], *data = ticket->data;
    memcpy(aad, ticket->name, WOLFSSL_TICKET_NAME_SZ);
    memcpy(aad + WOLFSSL_TICKET_NAME_SZ, ticket->nonce, WOLFSSL_TICKET_IV_SZ);
    if (wc_AesInit(&aes, NULL, INVALID_DEVID) != 0)
        return false;
    int rv = wc_AesGcmSetKey(&aes, key->bytes, KEY_BYTES);
    if (rv == 0 && is_seal)
        rv = wc_AesGcmEncrypt(&aes, data, data, ticket->size, ticket->nonce, NONCE_BYTES,
                              ticket->tag, TAG_BYTES, aad, sizeof aad);
    else if (rv == 0)
        rv = wc_AesGcmDecrypt(&aes, data, data, ticket->size, ticket->nonce, NONCE_BYTES,
                              ticket->tag, TAG_BYTES, aad, sizeof aad);
    wc_AesFree(&aes);
    return rv == 0;
}

static int seal_ticket(struct tls_tickets *self, uint64_t now_ns, struct ticket *ticket,
                       uint8_t resumptions)
{
    struct ticket_key key;
    memset(ticket->nonce, 0, WOLFSSL_TICKET_IV_SZ);
    memset(ticket->tag, 0, WOLFSSL_TICKET_MAC_SZ);
    bool is_sealed = take_newest(self, now_ns, &key) && fill_random(ticket->nonce, NONCE_BYTES);
    memcpy(ticket->name, key.name, NAME_BYTES);
    ticket->name[NAME_BYTES] = resumptions;
    is_sealed = is_sealed && apply_key(&key, ticket, true);
    explicit_bzero(&key, sizeof key);
    return is_sealed ? WOLFSSL_TICKET_RET_OK : WOLFSSL_TICKET_RET_FATAL;
}

static int open_ticket(struct tls_tickets *self, uint64_t now_ns, struct ticket *ticket)
{
    struct ticket_key key;
    bool is_open = ticket->name[NAME_BYTES] < TICKET_RESUMPTIONS_MAX &&
                   find_key_named(self, now_ns, ticket->name, &key) &&
                   apply_key(&key, ticket, false);
    explicit_bzero(&key, sizeof key);
    return is_open ? WOLFSSL_TICKET_RET_OK : WOLFSSL_TICKET_RET_REJECT;
}

/* house: parameters (wolfSSL gives them) */
static int on_ticket(WOLFSSL *ssl, unsigned char name[WOLFSSL_TICKET_NAME_SZ],
                     unsigned char nonce[WOLFSSL_TICKET_IV_SZ],
                     unsigned char tag[WOLFSSL_TICKET_MAC_SZ], int is_seal, unsigned char *data,
                     int size, int *size_out, void *self)
{
    struct ticket ticket = {name, nonce, tag, data, (word32)size};
    struct tls_resumption *session = tls_session_resumption(ssl);
    uint64_t now_ns = session->clock->now_ns;
    *size_out = size;
    if (is_seal)
        return seal_ticket(self, now_ns, &ticket,
                           wolfSSL_session_reused(ssl) ? (uint8_t)(session->before + 1) : 0);
    int rv = open_ticket(self, now_ns, &ticket);
    if (rv == WOLFSSL_TICKET_RET_OK)
        session->before = name[NAME_BYTES];
    return rv;
}

/* ---- Life ------------------------------------------------------------------------------------ */

struct tls_tickets *tls_tickets_new(void)
{
    struct tls_tickets *self = calloc(1, sizeof *self);
    if (self)
        pthread_mutex_init(&self->mutex, NULL);
    return self;
}

void tls_tickets_free(struct tls_tickets **owner)
{
    struct tls_tickets *self = *owner;
    *owner = NULL;
    if (!self)
        return;
    pthread_mutex_destroy(&self->mutex);
    explicit_bzero(self, sizeof *self);
    free(self);
}

void tls_tickets_use(struct tls_tickets *self, WOLFSSL_CTX *context)
{
    wolfSSL_CTX_set_TicketEncCb(context, on_ticket);
    wolfSSL_CTX_set_TicketEncCtx(context, self);
}
