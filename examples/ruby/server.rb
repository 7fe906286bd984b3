# Answers every request with its version and the process that gives the answer.
require "socket"

VERSION = "v1"

server = TCPServer.new("0.0.0.0", Integer(ENV.fetch("PORT", "8080")))
loop do
  client = server.accept
  # The head of the request, which ends with an empty line.
  while (line = client.gets)
    break if line == "\r\n"
  end
  body = "#{VERSION} from process #{Process.pid}\n"
  client.print("HTTP/1.1 200 OK\r\nContent-Length: #{body.bytesize}\r\nConnection: close\r\n\r\n#{body}")
  client.close
end
