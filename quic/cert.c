/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* One certificate: which names and addresses it is valid for, and how it is freed. */
#include "quic/cert.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "quic/cert_internal.h"

void cert_free(struct cert **cert)
{
    struct cert *old = *cert;
    *cert = NULL;
    if (!old)
        return;
    for (size_t i = 0; i < old->name_count; i++)
        free(old->names[i]);
    free(old->names);
    free(old->file);
    if (old->key_pem)
        explicit_bzero(old->key_pem, old->key_pem_size);
    free(old->key_pem);
    free(old->chain_pem);
    free(old);
}

struct cert *cert_copy(const struct cert *cert)
{
    struct cert *copy = malloc(sizeof *copy);
    if (!copy)
        return NULL;
    *copy = *cert;
    copy->chain_pem = strdup(cert->chain_pem);
    copy->key_pem = strdup(cert->key_pem);
    copy->file = cert->file ? strdup(cert->file) : NULL;
    copy->names = calloc(cert->name_count, sizeof *copy->names);
    copy->name_count = copy->names ? cert->name_count : 0;
    bool is_whole = copy->chain_pem && copy->key_pem && copy->names && (copy->file || !cert->file);
    for (size_t i = 0; i < copy->name_count; i++)
        is_whole &= (copy->names[i] = strdup(cert->names[i])) != NULL;
    if (!is_whole)
        cert_free(&copy);
    return copy;
}

int cert_copy_pem(const struct cert *cert, struct quic_pem *pem)
{
    *pem = (struct quic_pem){strdup(cert->chain_pem), strdup(cert->key_pem)};
    if (pem->chain && pem->key)
        return 0;
    quic_pem_free(pem);
    return MOQ_ERR_NOMEM;
}

void quic_pem_free(struct quic_pem *pem)
{
    if (pem->key)
        explicit_bzero(pem->key, strlen(pem->key));
    free(pem->key);
    free(pem->chain);
    *pem = (struct quic_pem){NULL, NULL};
}

/* RFC 6125, section 6.4.3: a wildcard stands for exactly one label, the first. */
static bool name_matches(const char *pattern, const char *name, size_t name_size)
{
    if (pattern[0] == '*' && pattern[1] == '.') {
        const char *dot = memchr(name, '.', name_size);
        if (!dot || dot == name)
            return false;
        pattern++;
        name_size -= (size_t)(dot - name);
        name = dot;
    }
    return strlen(pattern) == name_size && strncasecmp(pattern, name, name_size) == 0;
}

bool cert_is_good_for(const struct cert *cert, const char *name, size_t name_size)
{
    for (size_t i = 0; i < cert->name_count; i++)
        if (name_matches(cert->names[i], name, name_size))
            return true;
    return false;
}
