#include "net/tls/explain.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/ssl/error.hpp>

#include <openssl/err.h>
#include <openssl/x509v3.h>

namespace lakeferry::tls {

namespace {

std::string of_certificate(long verdict, const std::string& host, const std::string& shown)
{
    switch (verdict) {
        case X509_V_ERR_CERT_HAS_EXPIRED:
            return "its certificate has expired; its owner must renew it (or this machine's clock is wrong)";
        case X509_V_ERR_CERT_NOT_YET_VALID:
            return "its certificate is not valid yet; is this machine's clock right?";
        case X509_V_ERR_HOSTNAME_MISMATCH:
        case X509_V_ERR_IP_ADDRESS_MISMATCH:
            return "its certificate is not for \"" + host + "\" but for " +
                   (shown.empty() ? "other names" : shown) +
                   "; use the host's own name, or look for a proxy on the way";
        case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
        case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
            return "its certificate comes from an authority that this machine does not know; install the authority's "
                   "certificate (update-ca-certificates), or look for a proxy on the way";
        case X509_V_ERR_CERT_REVOKED: return "its certificate was revoked";
        default: return std::string("its certificate is refused: ") + X509_verify_cert_error_string(verdict);
    }
}

}  // namespace

std::string names_of(X509* certificate)
{
    std::string out;
    auto* all = static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
    for (int i = 0; all != nullptr && i < sk_GENERAL_NAME_num(all) && out.size() < 200; ++i) {
        const auto* name = sk_GENERAL_NAME_value(all, i);
        if (name->type != GEN_DNS) continue;  // addresses would need formatting; names are what people mix up
        const auto* text = ASN1_STRING_get0_data(name->d.dNSName);
        if (!out.empty()) out += ", ";
        out.append(static_cast<const char*>(static_cast<const void*>(text)),
                   static_cast<std::size_t>(ASN1_STRING_length(name->d.dNSName)));
    }
    GENERAL_NAMES_free(all);
    return out;
}

std::optional<std::string> explain(SSL* after, const rt::error_code& code, const std::string& host,
                                   const std::string& shown)
{
    const long verdict = SSL_get_verify_result(after);
    if (verdict != X509_V_OK) return of_certificate(verdict, host, shown);
    if (code == boost::asio::ssl::error::stream_truncated || code == boost::asio::error::eof)
        return std::nullopt;
    if (code.category() != boost::asio::error::get_ssl_category()) return std::nullopt;
    const auto reason = ERR_GET_REASON(static_cast<unsigned long>(code.value()));
    if (reason == SSL_R_WRONG_VERSION_NUMBER)
        return "it does not speak TLS on this port; is the port right, or should it be http:// ?";
    if (reason == SSL_R_UNSUPPORTED_PROTOCOL || reason == SSL_R_TLSV1_ALERT_PROTOCOL_VERSION)
        return "it only speaks versions of TLS before 1.2, which are not safe; its owner must update it";
    return "the TLS handshake failed: " + code.message();
}

}  // namespace lakeferry::tls
