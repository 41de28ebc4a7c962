#include "tests/support/fake_net/certificates.hpp"

#include "net/rt/check.hpp"

#include <boost/asio/ip/address.hpp>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>

namespace lakeferry::test {

namespace {

using rt::check;
using key_ptr = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using cert_ptr = std::unique_ptr<X509, decltype(&X509_free)>;

key_ptr new_key() { return {EVP_EC_gen("P-256"), EVP_PKEY_free}; }

void add_extension(X509* to, X509* issuer, int nid, const std::string& value)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, to, nullptr, nullptr, 0);
    X509_EXTENSION* one = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
    check(one != nullptr, "a test certificate's extension is valid");
    X509_add_ext(to, one, -1);
    X509_EXTENSION_free(one);
}

cert_ptr new_certificate(const char* common_name, EVP_PKEY* key, int from_days, int to_days)
{
    static long serial = 1;
    constexpr long day = 24L * 60 * 60;
    cert_ptr c(X509_new(), X509_free);
    X509_set_version(c.get(), X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(c.get()), serial++);
    X509_gmtime_adj(X509_getm_notBefore(c.get()), from_days * day);
    X509_gmtime_adj(X509_getm_notAfter(c.get()), to_days * day);
    X509_set_pubkey(c.get(), key);
    const auto* text = static_cast<const unsigned char*>(static_cast<const void*>(common_name));
    X509_NAME_add_entry_by_txt(X509_get_subject_name(c.get()), "CN", MBSTRING_ASC, text, -1, -1, 0);
    return c;
}

template <class Write>
void write_pem(const std::string& path, Write write)
{
    std::FILE* out = std::fopen(path.c_str(), "w");
    check(out != nullptr, "a test's temporary directory can be written");
    check(write(out) == 1, "a test's PEM file can be written");
    std::fclose(out);
}

}  // namespace

temporary_directory::temporary_directory()
    : path_((std::filesystem::temp_directory_path() / "lakeferry-test-XXXXXX").string())
{
    check(::mkdtemp(path_.data()) != nullptr, "a temporary directory can be made");
}

temporary_directory::~temporary_directory()
{
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

certificate_files make_certificate(const temporary_directory& in, const std::string& name,
                                   const certificate_wish& wish)
{
    const auto authority_key = new_key();
    const auto authority = new_certificate(("Authority of " + name).c_str(), authority_key.get(), -2, 2);
    X509_set_issuer_name(authority.get(), X509_get_subject_name(authority.get()));
    add_extension(authority.get(), authority.get(), NID_basic_constraints, "critical,CA:TRUE");
    add_extension(authority.get(), authority.get(), NID_subject_key_identifier, "hash");
    X509_sign(authority.get(), authority_key.get(), EVP_sha256());

    const auto key = new_key();
    const auto leaf = new_certificate(name.c_str(), key.get(), wish.from_days, wish.to_days);
    X509_set_issuer_name(leaf.get(), X509_get_subject_name(authority.get()));
    std::string names;
    for (const auto& one : wish.names) {
        boost::system::error_code not_address;
        boost::asio::ip::make_address(one, not_address);
        names += (names.empty() ? "" : ",") + std::string(not_address ? "DNS:" : "IP:") + one;
    }
    add_extension(leaf.get(), authority.get(), NID_subject_alt_name, names);
    add_extension(leaf.get(), authority.get(), NID_ext_key_usage, "serverAuth");
    X509_sign(leaf.get(), authority_key.get(), EVP_sha256());

    certificate_files files{in.file(name + ".pem"), in.file(name + ".key"), in.file(name + ".ca.pem")};
    write_pem(files.certificate, [&](std::FILE* f) { return PEM_write_X509(f, leaf.get()); });
    write_pem(files.authority, [&](std::FILE* f) { return PEM_write_X509(f, authority.get()); });
    write_pem(files.key, [&](std::FILE* f) {
        return PEM_write_PrivateKey(f, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    });
    return files;
}

}  // namespace lakeferry::test
