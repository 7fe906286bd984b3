// Answers every request with its version and the process that gives the answer.

const http = require("node:http");

const version = "v1";

http
  .createServer((_request, response) => response.end(`${version} from process ${process.pid}\n`))
  .listen(process.env.PORT || 8080);
