#include "net/tls/context.hpp"

namespace lakeferry::tls {

namespace {

namespace ssl = boost::asio::ssl;

std::shared_ptr<ssl::context> fresh(ssl::context::method method)
{
    auto c = std::make_shared<ssl::context>(method);
    c->set_options(ssl::context::default_workarounds | ssl::context::no_sslv2 | ssl::context::no_sslv3 |
                   ssl::context::no_tlsv1 | ssl::context::no_tlsv1_1 | ssl::context::no_compression);
    SSL_CTX_set_min_proto_version(c->native_handle(), TLS1_2_VERSION);
    // An idle connection gives its record buffers back.
    SSL_CTX_set_mode(c->native_handle(), SSL_MODE_RELEASE_BUFFERS);
    return c;
}

rt::failure unusable(const char* id, std::string detail, const rt::error_code& code)
{
    return rt::failure{.retry = rt::retry_class::never, .id = id, .detail = std::move(detail), .code = code};
}

}  // namespace

rt::outcome<std::shared_ptr<ssl::context>> client_context(const std::string& extra_authorities)
{
    auto c = fresh(ssl::context::tls_client);
    c->set_verify_mode(ssl::verify_peer);
    rt::error_code ec;
    c->set_default_verify_paths(ec);
    if (!extra_authorities.empty()) {
        c->load_verify_file(extra_authorities, ec);
        if (ec)
            return unusable("connect.tls",
                            "the file of authorities " + extra_authorities +
                                " cannot be used: it must exist, be readable and hold PEM certificates (" +
                                ec.message() + ")",
                            ec);
    }
    return c;
}

rt::outcome<std::shared_ptr<ssl::context>> server_context(const std::string& certificate_file,
                                                          const std::string& key_file)
{
    if (certificate_file.empty() || key_file.empty())
        return unusable("listen.tls", "TLS needs both a certificate file and a key file", {});
    auto c = fresh(ssl::context::tls_server);
    rt::error_code ec;
    c->use_certificate_chain_file(certificate_file, ec);
    if (ec)
        return unusable("listen.tls",
                        "the certificate file " + certificate_file +
                            " cannot be used: it must exist, be readable and hold a PEM chain (" + ec.message() + ")",
                        ec);
    c->use_private_key_file(key_file, ssl::context::pem, ec);
    if (ec)
        return unusable("listen.tls",
                        "the key file " + key_file +
                            " cannot be used: it must be readable, PEM, without a passphrase, and belong to " +
                            certificate_file + " (" + ec.message() + ")",
                        ec);
    return c;
}

}  // namespace lakeferry::tls
