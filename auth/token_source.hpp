// Access tokens: where calls get them from.
#pragma once

#include "auth/credential_store.hpp"
#include "auth/oauth_messages.hpp"
#include "net/http/client.hpp"
#include "net/obs/log.hpp"
#include "net/rt/deadline.hpp"
#include "net/rt/event.hpp"
#include "net/rt/task_group.hpp"

#include <cstdint>
#include <memory>
#include <random>
#include <string>

namespace lakeferry::auth {

// A token as handed to one call. Keep it for that call only.
struct token_lease {
    std::shared_ptr<const secret> token{};
    std::uint64_t generation = 0;
};

enum class token_state { none, valid, refreshing, failed };

struct token_status {
    token_state state = token_state::none;
    std::optional<rt::time_point> expires{};
    std::string problem{};  // the last failure's detail while it matters
};

// One principal in one workspace. Loop thread only.
class token_source {
public:
    virtual ~token_source() = default;
    // Failures: those of credential_store, oauth_messages and http::client (when `limit` passes between two attempts,
    // that of the last one); "auth.timeout" (transient) when `limit` passed before there was any answer. Cancelling a
    // caller leaves a refresh that others wait for alone.
    virtual rt::awaitable<rt::outcome<token_lease>> get(rt::deadline limit) = 0;
    // The workspace refused that token. Only the current generation counts: ten refusals of one
    // token cause one refresh.
    virtual void invalidate(std::uint64_t generation) = 0;
    virtual token_status status() const = 0;
    // For messages and GRANTs: the application id of the service principal, or what stands for it.
    virtual std::string principal() const = 0;
};

struct oauth_settings {
    http::origin host{};
    std::string client_id{};
    credential_ref client_secret{};
    std::string space{};  // for the log
};

// When to ask for the next token, counted from receipt; unit in [0, 1) is the injected randomness.
rt::duration refresh_after(std::chrono::seconds life, double unit) noexcept;

// OAuth machine-to-machine. Idle means idle: no timer runs; the caller who comes after the refresh
// time gets the current token and starts one refresh behind his back. The refresh is a child of
// `refreshes`, whose owner joins it before the source is destroyed; all references outlive the source.
class oauth_token_source final : public token_source {
public:
    struct needs {
        rt::time_source& clock;
        rt::wall_clock& calendar;
        http::client& client;
        const credential_store& credentials;
        rt::task_group& refreshes;
        std::mt19937_64& rng;
        obs::log& log;
    };
    oauth_token_source(boost::asio::any_io_executor ex, needs with, oauth_settings settings);
    ~oauth_token_source() override;

    rt::awaitable<rt::outcome<token_lease>> get(rt::deadline limit) override;
    void invalidate(std::uint64_t generation) override;
    token_status status() const override;
    std::string principal() const override { return settings_.client_id; }

    // Counters for metrics and tests.
    std::uint64_t refreshes_started() const noexcept { return refreshes_started_; }
    unsigned refreshes_in_flight() const noexcept { return refreshes_in_flight_; }

private:
    struct round;  // one refresh and those who wait for it

    std::shared_ptr<round> start_refresh();
    rt::awaitable<void> refresh(std::shared_ptr<round> mine);
    rt::awaitable<rt::outcome<token_grant>> ask(round& mine, rt::deadline limit);
    rt::awaitable<rt::outcome<token_grant>> ask_once(rt::deadline limit);
    rt::awaitable<rt::outcome<endpoint>> find_endpoint(rt::deadline limit);
    void accept(token_grant grant);
    void note_failure(const rt::failure& why);
    double unit();
    bool usable() const noexcept;

    boost::asio::any_io_executor ex_;
    needs with_;
    oauth_settings settings_;
    std::optional<endpoint> endpoint_;  // as discovered
    std::shared_ptr<const secret> token_;
    std::uint64_t generation_ = 0;
    rt::time_point expires_{};
    rt::time_point refresh_at_{};
    rt::time_point failed_until_{};
    std::optional<rt::failure> failure_;
    std::shared_ptr<round> round_;
    std::uint64_t refreshes_started_ = 0;
    unsigned refreshes_in_flight_ = 0;
};

// A personal access token or another fixed token. It is read again after a refusal.
class static_token_source final : public token_source {
public:
    static_token_source(const credential_store& credentials, credential_ref token);

    rt::awaitable<rt::outcome<token_lease>> get(rt::deadline limit) override;
    void invalidate(std::uint64_t generation) override;
    token_status status() const override;
    std::string principal() const override { return {}; }

private:
    const credential_store& credentials_;
    credential_ref ref_;
    std::shared_ptr<const secret> token_;
    std::uint64_t generation_ = 0;
    std::string problem_;
};

}  // namespace lakeferry::auth
