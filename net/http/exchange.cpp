#include "net/http/exchange.hpp"

#include <boost/asio/error.hpp>

namespace lakeferry::http {

namespace {

constexpr std::size_t head_max = 64U << 10;
// A larger body is written on its own: copying it behind the head would double the memory that it takes.
constexpr std::size_t joined_max = 64U << 10;

rt::awaitable<rt::error_code> write_request(stream& on, const origin& to, const request& what)
{
    std::string out;
    out.reserve(512 + (what.body.size() <= joined_max ? what.body.size() : 0));
    codec::write_request_head(what, to, out);
    const bool joined = what.body.size() <= joined_max;
    if (joined) out += what.body;
    const auto ec = co_await on.write(boost::asio::buffer(out));
    if (ec || joined) co_return ec;
    co_return co_await on.write(boost::asio::buffer(what.body));
}

exchange_end cut(std::string why)
{
    exchange_end end;
    end.why = std::move(why);
    return end;
}

exchange_end ended(exchange_end::kind how, std::string why)
{
    exchange_end end;
    end.how = how;
    end.why = std::move(why);
    return end;
}

// Reads one head, which may be an interim one. nullopt in `problem`: parts are filled.
rt::awaitable<std::optional<exchange_end>> read_head(input& in, bool to_head, codec::response_parts& parts,
                                                     std::unique_ptr<codec::chunked_body>& chunked,
                                                     bool& answer_begun)
{
    std::size_t searched = 0;
    for (;;) {
        const auto text = in.ready();
        if (!text.empty()) answer_begun = true;
        const auto end = codec::find_head_end(text, searched);
        if (end != std::string_view::npos) {
            if (const auto bad = codec::parse_response(text.substr(0, end), to_head, parts, chunked))
                co_return ended(exchange_end::kind::malformed, bad->why);
            in.consume(end);
            co_return std::nullopt;
        }
        if (text.size() >= head_max)
            co_return ended(exchange_end::kind::malformed, "the head of the answer is larger than 64 KiB");
        searched = text.size();
        if (const auto ec = co_await in.fill(head_max))
            co_return cut(ec == boost::asio::error::eof ? "the peer closed the connection before it had answered"
                                                        : "the connection broke: " + ec.message());
    }
}

}  // namespace

rt::awaitable<exchange_end> run_exchange(stream& on, input& in, const origin& to, const request& what,
                                         std::size_t response_limit, bool& answer_begun)
{
    const auto write_error = co_await write_request(on, to, what);
    // A peer that refuses a large body answers and closes; its answer may be there all the same.
    codec::response_parts parts;
    std::unique_ptr<codec::chunked_body> chunked;
    const bool to_head = what.method == "HEAD";
    do {
        parts = {};
        if (auto bad = co_await read_head(in, to_head, parts, chunked, answer_begun)) {
            if (write_error && bad->how == exchange_end::kind::cut)
                bad->why = "the connection broke while sending: " + write_error.message();
            co_return std::move(*bad);
        }
        if (parts.message.status == 101)
            co_return ended(exchange_end::kind::malformed, "the peer switches to a protocol nobody asked for");
    } while (parts.message.status / 100 == 1);

    const auto body = co_await read_body(in, parts.body, parts.length, chunked.get(), response_limit,
                                         parts.message.body);
    switch (body.how) {
        case body_end::kind::complete: break;
        case body_end::kind::too_large:
            co_return ended(exchange_end::kind::too_large,
                            "the answer is larger than " + std::to_string(response_limit) + " bytes");
        case body_end::kind::malformed:
            co_return ended(exchange_end::kind::malformed, "the chunks of the answer are malformed");
        case body_end::kind::cut: co_return cut("the connection broke inside the answer: " + body.code.message());
    }
    exchange_end end;
    end.how = exchange_end::kind::complete;
    end.answer = std::move(parts.message);
    end.reusable = parts.keep_alive && !write_error && in.empty();
    co_return end;
}

}  // namespace lakeferry::http
